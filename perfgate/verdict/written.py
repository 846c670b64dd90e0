"""Where the user's files say what a verdict is about: the line of every key, kept with the terms.

So a saved measurement is told line by line, wherever it is judged. No file is read here.
"""

from __future__ import annotations

from typing import Self

from perfgate.measurement.models import Value
from perfgate.tomllines import KeyPath, key_lines, line_at


class Written(Value):
    """A file of the user's: its path in the repository, with slashes, and the line of every key.

    There are no lines where any would be uncertain.
    """

    path: str
    lines: tuple[tuple[KeyPath, int], ...] = ()

    @classmethod
    def of(cls, path: str, text: str, under: KeyPath = ()) -> Self:
        """Return where the keys of ``text`` stand, of those below the table ``under``."""
        depth = len(under)
        lines = key_lines(text)
        kept = {at[depth:]: line for at, line in lines.items() if at[:depth] == under}
        return cls(path=path, lines=tuple(kept.items()))

    def line(self, at: KeyPath) -> int | None:
        """Return the line of ``at``, or of the nearest thing around it, or None without lines."""
        return line_at(dict(self.lines), at)
