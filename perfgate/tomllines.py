"""The text of a TOML document becomes the line of every key in it.

It does not judge what the keys hold, and says nothing at all where it cannot be certain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tomlkit.items import Item, Key

KeyPath = tuple[str | int, ...]


def key_lines(text: str) -> dict[KeyPath, int]:
    """Return the line, from 1, of every key, header and array-of-tables element in ``text``.

    A path names keys, and positions from 0 in an array of tables; ``()`` is the document itself.
    A table that is only implied (``a`` of ``[a.b]``) has the line of its first mention. Elements
    of an inline array have no entry of their own. Empty when any line would be uncertain.
    """
    import tomlkit  # noqa: PLC0415 - only a file with faults needs it, and it is slow to load

    walk = _Walk()
    try:
        document = tomlkit.parse(text)
        walk.body(document.body, ())
        rendered = document.as_string()
    except Exception:
        # A line is a courtesy: whatever goes wrong here must not hide the fault itself.
        return {}
    # tomlkit moves tables of one name together when others stand between them: the number of lines
    # is the same then, but not their order, so the text is compared too.
    certain = rendered == text and walk.line == text.count("\n") + 1
    return {(): 1} | walk.implied | walk.written if certain else {}


def line_at(lines: Mapping[KeyPath, int], at: KeyPath) -> int | None:
    """Return the line of ``at``, or of the nearest thing around it, or None without lines."""
    for length in range(len(at), -1, -1):
        if at[:length] in lines:
            return lines[at[:length]]
    return None


class _Walk:
    """Passes through a parsed document in the order of writing and counts the lines."""

    def __init__(self) -> None:
        self.line = 1
        self.written: dict[KeyPath, int] = {}
        self.implied: dict[KeyPath, int] = {}

    def body(self, body: Iterable[tuple[Key | None, Item]], at: KeyPath) -> None:
        """Pass what one table or the document holds: keys, comments and blank lines."""
        for key, item in body:
            if key is None:
                self._pass(item.as_string())
            else:
                self._entry(item, (*at, key.key))

    def _entry(self, item: Item, at: KeyPath) -> None:
        from tomlkit.items import AoT, InlineTable, Table  # noqa: PLC0415 - as in key_lines

        if isinstance(item, AoT):
            for position, table in enumerate(item.body):
                self._entry(table, (*at, position))
        elif isinstance(item, Table):
            # Dotted keys and implied tables have no header of their own.
            if item.display_name is not None:
                self._begin(item, at)
                self._pass(item.trivia.trail)
            self.body(item.value.body, at)
        elif isinstance(item, InlineTable):
            self._begin(item, at)
            self.body(item.value.body, at)
            self._pass(item.trivia.trail)
        else:
            self._begin(item, at)
            self._pass(item.as_string() + item.trivia.trail)

    def _begin(self, item: Item, at: KeyPath) -> None:
        self._pass(item.trivia.indent)
        self.written[at] = self.line
        for length in range(1, len(at)):
            self.implied.setdefault(at[:length], self.line)

    def _pass(self, text: str) -> None:
        self.line += text.count("\n")
