"""The models of the ledger become a JSON Schema that editors understand.

It does not check files: laws between fields are told only by :mod:`perfgate.demand.ledger`.
"""

from __future__ import annotations

from perfgate.demand.ledger import Ledger
from perfgate.tomlfile import schema_of


def ledger_schema() -> dict[str, object]:
    """Return the JSON Schema (draft 2020-12) of ledgers in the format ``perfgate.demand/1``."""
    return schema_of(Ledger, "demand.toml")
