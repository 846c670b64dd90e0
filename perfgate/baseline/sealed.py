"""A stored value that says by its checksum whether it still is what was written."""

from __future__ import annotations

import hashlib
import json
from typing import Self

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
        return json.dumps(self.model_dump(mode="json"), indent=2, sort_keys=True) + "\n"

    def _seal(self) -> str:
        content = self.model_dump(mode="json", exclude={"checksum"})
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def is_intact(self) -> bool:
        """Tell whether the checksum is that of the content."""
        return self.checksum == self._seal()


def rounded(value: float) -> float:
    """Return the value with as many digits as are stored."""
    return float(f"{value:.{DIGITS}g}")
