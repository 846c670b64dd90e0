"""The journal's row, once for the side that writes it and once for the side that reads it.

A row is one arrival, or one attempt of it. Times are seconds of ``time.monotonic``; NaN where there
is none.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# Column -> its code in a packed, little-endian row. ``sent_s`` is when the first request was handed
# to the kernel, ``received_s`` the kernel's own stamp of the last answer; NaN where the transport
# does not tell. Where callers retry, ``attempt`` counts the attempts of an arrival from 0, each due
# at its ``intended_s``, and ``caller`` is the place of who calls in the plan; 0 elsewhere.
COLUMNS = {
    "number": "q",
    "phase": "B",
    "build": "B",
    "operation": "H",
    "outcome": "B",
    "waited": "B",
    "failure": "H",
    "status": "H",
    "intended_s": "d",
    "started_s": "d",
    "sent_s": "d",
    "received_s": "d",
    "ended_s": "d",
    "size_bytes": "Q",
    "connects": "B",
    "redirects": "B",
    "attempt": "H",
    "caller": "H",
}
ROW = Struct("<" + "".join(COLUMNS.values()))
# The same as numpy says it.
DTYPE = [(name, f"<{code}") for name, code in COLUMNS.items()]


def journal_file(run_dir: Path, worker: int) -> Path:
    """Return where a worker's rows are."""
    return run_dir / f"journal-{worker}.bin"


def manifest_file(run_dir: Path, worker: int) -> Path:
    """Return where a worker counts and seals its rows, and says how it fared."""
    return run_dir / f"manifest-{worker}.json"
