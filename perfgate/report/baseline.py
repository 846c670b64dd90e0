"""Stored baselines as tables of plain text. Finding and reading them is the store's work."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd

from perfgate.report.lines import wrapped
from perfgate.report.production import rate_of_record
from perfgate.report.recorddiff import since_anchor
from perfgate.tail import escaped
from perfgate.verdict.finding import number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perfgate.baseline.record import BaselineRecord, PromisedRate


def render_records(records: Sequence[BaselineRecord]) -> str:
    """Return one block per record: provenance, capacity of record, then its operations."""
    return "\n\n".join(_record(record) for record in records)


def _record(record: BaselineRecord) -> str:
    rate, machine = rate_of_record(record.service_rate_rps, "run"), record.environment
    promised = record.mu_slo_rps
    because = f"accepted although {record.verdict}: {record.accepted_because}"
    head = (
        f"{record.service}, profile {record.profile}: {record.commit[:12]}, "
        f"measured {record.measured_at} ({record.verdict})"
    )
    lines = [
        f"{machine.cpus} x {machine.cpu_model} ({machine.virtual})",
        f"service rate {rate}",
        *([_promised(promised)] if promised else []),
        *([_overloaded(record.mu_over_rps)] if record.mu_over_rps else []),
        f"{record.cost_ms:.3g} ms CPU a request{_of_open_loop(record)}, "
        f"{record.peak_rss_mib:.0f} MiB",
        *([because] if record.accepted_because and record.anchor is None else []),
        *_made(record),
        *since_anchor(record),
    ]
    told = (wrapped(escaped(line), "    ", "  ") for line in lines)
    return "\n".join([escaped(head), *told, *_operations(record)])


def _of_open_loop(record: BaselineRecord) -> str:
    """Return what the cost is of, where it is no cost of pairs too."""
    return " in open loop" if record.alone else ""


def _made(record: BaselineRecord) -> list[str]:
    """Return what it was made from and who accepted it; nothing where it does not say."""
    made = record.provenance
    if made is None:
        return []
    tools = ", ".join(f"{name} {version}" for name, version in sorted(made.tools.items()))
    return [
        f"accepted by {made.accepted_by} on {made.accepted_at[:10]}; seed {made.seed}, "
        f"configuration {made.config_hash}, ledger {made.ledger_hash}"
        + (f", {tools}" if tools else "")
    ]


def _promised(rate: PromisedRate) -> str:
    return (
        f"every promise kept up to {rate_of_record(rate, 'trial')}, then {rate.first_missed} is "
        "missed first"
    )


def _overloaded(rate_rps: float) -> str:
    return f"{rate_rps:.0f}/s completed under overload, with callers that give up"


def _operations(record: BaselineRecord) -> list[str]:
    """Return a table of the operations and what they answered; nothing where none did."""
    if not record.operations:
        return []
    rows = {escaped(name): own.model_dump() for name, own in record.operations.items()}
    table = pd.DataFrame.from_dict(rows, orient="index").map(_shown)
    return [f"  {line}" for line in table.to_string().splitlines()]


def _shown(figure: float | None) -> str:
    return "-" if figure is None or math.isnan(figure) else number(figure)
