"""Stored baselines as a table of plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perfgate.baseline.record import BaselineRecord


def render_records(records: Sequence[BaselineRecord]) -> str:
    """Return one block per record: provenance, capacity of record, then its operations."""
    return "\n\n".join(_record(record) for record in records)


def _record(record: BaselineRecord) -> str:
    rate, machine = record.service_rate_rps, record.environment
    because = f"\n  accepted although {record.verdict}: {record.accepted_because}"
    table = pd.DataFrame(
        {name: own.model_dump() for name, own in record.operations.items()}
    ).T.to_string(na_rep="-", float_format=lambda value: f"{value:.4g}")
    return (
        f"{record.service}, profile {record.profile}: {record.commit[:12]}, "
        f"measured {record.measured_at} ({record.verdict})\n"
        f"  {machine.cpus} x {machine.cpu_model} ({machine.virtual})\n"
        f"  service rate {rate.estimate:.0f}/s ({rate.lower:.0f} to {rate.upper:.0f}, "
        f"{rate.runs} runs), {record.cost_ms:.3g} ms CPU a request, "
        f"{record.peak_rss_mib:.0f} MiB"
        f"{because if record.accepted_because else ''}\n"
        + "\n".join(f"  {line}" for line in table.splitlines())
    )
