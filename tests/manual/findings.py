"""The names that findings have in the code: what docs/findings.md must know. It prints nothing."""

from __future__ import annotations

import re

from manual.sources import ALL

# What stands behind a check's name where that is the user's own word.
OWN_WORD = "OPERATION"


def names() -> set[str]:
    """Return the name of every finding that the code makes."""
    calls = (call for source in ALL.values() for call in source.calls if call.name == "Finding")
    told = {text for call in calls for text in call.says(call.given(0, "check"))}
    return {re.sub(r":(\.\.\.|[A-Z]+)$", f":{OWN_WORD}", text) for text in told}
