"""Workflow commands of GitHub: one line each, whatever is said in them.

Nothing that others have named can start or end a command: all of it is data of one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from perfgate.tail import escaped, shortened

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST = 2000
# The runner takes a line for a command that begins so, or has the second anywhere in it.
COMMANDS = re.compile(r"^(\s*:)(?=:)|(#)(?=#\[)", re.MULTILINE)


def command(level: str, properties: Mapping[str, str], text: str) -> str:
    """Return the command that makes an annotation of this level (error, warning, notice)."""
    told = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{level} {told}::{_text(text)}"


def _text(text: str) -> str:
    # What is not printable, line ends too, is an escape of ours by then.
    return shortened(escaped(text), LONGEST).replace("%", "%25")


def _property(text: str) -> str:
    return _text(text).replace(":", "%3A").replace(",", "%2C")


def disarmed(text: str) -> str:
    """Return the text with a backslash in whatever the runner would take for a command."""
    return COMMANDS.sub(r"\g<0>\\", text)
