"""A stored value that says by its checksum whether it still is what was written."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Self, TypeVar

from pydantic import ValidationError

from perfgate.errors import StoreError
from perfgate.measurement.models import Value

DIGITS = 5


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
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise StoreError(
            f"{path} is not {what} this version can read: {where}: {first['msg']}", hint=hint
        ) from error
    if not stored.is_intact:
        raise StoreError(
            f"{path} does not match its checksum: it was edited by hand or damaged", hint=hint
        )
    return stored


def rounded(value: float) -> float:
    """Return the value with as many digits as are stored."""
    return float(f"{value:.{DIGITS}g}")
