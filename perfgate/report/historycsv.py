"""The history of a baseline as CSV, as Apache Otava's importer reads it.

That takes no empty field: https://github.com/apache/otava/blob/master/docs/CSV.md
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfgate.baseline.chronicle import METRICS, SERVICE_RATE

if TYPE_CHECKING:
    from perfgate.baseline.chronicle import Chronicle

TIME = "%Y-%m-%dT%H:%M:%S%z"


def render(chronicle: Chronicle) -> str:
    """Return a row per record with ``time``, ``commit`` and the figures that most records have.

    Records without one of these are left out.
    """
    table = chronicle.table
    figures = [metric.column for metric in (SERVICE_RATE, *METRICS)]
    known = [name for name in figures if 2 * table[name].count() >= len(table)]
    rows = table.dropna(subset=known).rename(columns={"measured_at": "time"})
    return str(rows.to_csv(columns=["time", "commit", *known], index=False, date_format=TIME))
