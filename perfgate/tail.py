"""The end of a log passes through, made safe to show to people.

It judges no line and never reads more of a log than its end, however long the log is.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LINES = 15
WIDTH = 240
# Lines longer than this leave fewer than asked for; nobody reads a line of a megabyte.
_REACH_BYTES = 256 * 1024
_CUT = " ... "


def tail(path: Path, lines: int = LINES, *, width: int = WIDTH) -> tuple[str, ...]:
    """Return the last `lines` lines of the file at `path`, first to last, without line ends.

    Every line is escaped (see :func:`escaped`) and at most `width` characters long: of a longer
    one the middle is left out. At most the last 256 KiB are looked at. A file that is not there
    has no lines.
    """
    try:
        with path.open("rb") as log:
            return tail_of(log.fileno(), lines, width=width)
    except FileNotFoundError:
        return ()


def tail_of(descriptor: int, lines: int = LINES, *, width: int = WIDTH) -> tuple[str, ...]:
    """Return what :func:`tail` does, of an open file, without moving its position."""
    size = os.fstat(descriptor).st_size
    start = max(0, size - _REACH_BYTES)
    # The byte before tells whether the first line is whole: then it is a line's end.
    block = os.pread(descriptor, size - start + 1, max(0, start - 1))
    found = block.split(b"\n")
    if start > 0:
        found[:1] = [b"..." + found[0]] if found[0] else []
    if not found[-1]:
        found.pop()
    kept = found[-lines:] if lines > 0 else []
    return tuple(shortened(escaped(_decoded(line)), width) for line in kept)


def escaped(text: str) -> str:
    r"""Return `text` with every character that is not printable as its escape, like ``\x1b``.

    That covers line ends, terminal sequences and marks that turn the direction of writing. A tab
    becomes spaces. The outcome is one line.
    """
    if text.isprintable():
        return text
    return "".join(_shown(character) for character in text.expandtabs(4))


def shortened(text: str, width: int = WIDTH) -> str:
    """Return `text` within `width` characters: of a longer one, its start and its end."""
    if len(text) <= width:
        return text
    if width <= len(_CUT):
        return text[: max(0, width)]
    room = width - len(_CUT)
    end = room // 2
    return text[: room - end] + _CUT + text[len(text) - end :]


def _decoded(line: bytes) -> str:
    return line.removesuffix(b"\r").decode("utf-8", errors="backslashreplace")


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode("ascii")
