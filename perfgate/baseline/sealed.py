"""A stored value that says by its checksum whether it still is what was written."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, Self, TypeVar

from pydantic import ValidationError

from perfgate.errors import StoreError
from perfgate.measurement.models import Value

DIGITS = 5
MOST_DIGITS = 9  # of a format's number
_CONFLICT = re.compile(r"^(<{7}|>{7}) ", re.MULTILINE)


class Sealed(Value):
    """A stored value: sorted text, one figure a line so that changes show, with a checksum."""

    checksum: str = ""

    def sealed(self) -> Self:
        """Return the same with the checksum of everything else in it."""
        return self.model_copy(update={"checksum": self._seal()})

    def to_text(self) -> str:
        """Return the file's text."""
        return json.dumps(self.content(), indent=2, sort_keys=True) + "\n"

    def content(self) -> dict[str, Any]:
        """Return what stands in the file, the checksum included."""
        return self.model_dump(mode="json")

    def _seal(self) -> str:
        content = {name: value for name, value in self.content().items() if name != "checksum"}
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def is_intact(self) -> bool:
        """Tell whether the checksum is that of the content."""
        return self.checksum == self._seal()


Kind = TypeVar("Kind", bound=Sealed)


def parse_sealed(kind: type[Kind], text: str, path: str, what: str, hint: str) -> Kind:
    """Read the text of the file at ``path``, which is to be ``what`` ("a baseline").

    Raises StoreError, with the hint, for text that is none or was not left as it was written.
    """
    try:
        stored = kind.model_validate_json(text)
    except ValidationError as error:
        raise _unreadable(kind, text, path, what, hint, error) from error
    if not stored.is_intact:
        raise StoreError(
            f"{path} does not match its checksum: it was edited by hand or damaged", hint=hint
        )
    return stored


def _unreadable(
    kind: type[Sealed], text: str, path: str, what: str, hint: str, error: ValidationError
) -> StoreError:
    if _CONFLICT.search(text):
        return StoreError(
            f"{path} has merge conflict markers in it",
            hint="Take one side whole (git checkout --ours or --theirs): two cannot be mixed.",
        )
    newest = str(kind.model_fields["format"].default)
    found = format_of(text)
    number = _number_of(found) if family_of(found) == family_of(newest) else 0
    if number > _number_of(newest):
        return StoreError(
            f"{path} is of format {found}, and this version reads none later than {newest}",
            hint="A later version of perfgate wrote it: upgrade to that.",
        )
    first = error.errors()[0]
    if 0 < number < _number_of(newest) and first["loc"] == ("format",):
        return StoreError(
            f"{path} is of format {found}, which this version does not read any more", hint=hint
        )
    where = ".".join(str(part) for part in first["loc"]) or "the file"
    return StoreError(
        f"{path} is not {what} this version can read: {where}: {first['msg']}", hint=hint
    )


def format_of(text: str) -> str:
    """Return what a stored file says that its format is, "" where it says nothing."""
    try:
        document = json.loads(text)
    except ValueError:
        return ""
    found = document.get("format") if isinstance(document, dict) else ""
    return found if isinstance(found, str) else ""


def family_of(found: str) -> str:
    """Return a format without its number: "perfgate.baseline"."""
    return found.partition("/")[0]


def _number_of(found: str) -> int:
    """Return the number of a format, 0 where it has none."""
    number = found.partition("/")[2]
    counted = number.isascii() and number.isdigit() and len(number) <= MOST_DIGITS
    return int(number) if counted else 0


def rounded(value: float) -> float:
    """Return the value with as many digits as are stored."""
    return float(f"{value:.{DIGITS}g}")
