"""What a finding is about becomes a place in the user's files: the key that could be changed.

How places are shown is each format's business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from perfgate.demand.demand import peak_demand
from perfgate.verdict.case import steps_of
from perfgate.verdict.checks import demand, incidents, ledger

if TYPE_CHECKING:
    from datetime import date

    from perfgate.tomllines import KeyPath
    from perfgate.verdict.case import Case
    from perfgate.verdict.finding import Finding
    from perfgate.verdict.written import Written

# The key of perfgate.toml that a check holds builds to, or that says how it was tried.
KEYS: dict[str, KeyPath] = {
    "validity": ("load",),
    "goodput": ("margins", "slowdown"),
    "change": ("margins", "slowdown"),
    "cost": ("margins", "slowdown"),
    "capacity": ("margins", "slowdown"),
    "waits": ("margins", "slowdown"),
    "operation": ("margins", "operation"),
    "latency": ("margins", "latency"),
    "queue": ("margins", "headroom"),
    "mu_slo": ("slo",),
    "recovery": ("recovery",),
    "conduct": ("load",),
    "memory:growth": ("margins", "growth_kib"),
    "memory:peak": ("margins", "memory"),
    "speed-up": ("margins", "speedup"),
    "baseline": ("margins", "stored"),
}
PROMISES = ("slo", "errors")
# Checks that are about what callers send.
DEMANDS = (demand.CHECK, ledger.CHECK, "chance", "retries", "cold cache")


class Place(NamedTuple):
    """A file, and a line in it where that is known."""

    path: str
    line: int | None


def place_of(case: Case, finding: Finding) -> Place | None:
    """Return where the user's files say what the finding is about; None where that is unknown."""
    terms, check = case.terms, finding.check
    head, _, operation = check.partition(":")
    if head in DEMANDS:
        return _in(terms.ledger_file, _of_ledger(case, head))
    if head == incidents.CHECK:
        return _in(terms.config_file, ("target", terms.config.target.kind))
    if head in PROMISES:
        name = operation if operation in terms.config.slo else "*"
        return _in(terms.config_file, ("slo", name))
    return _in(terms.config_file, KEYS.get(check, KEYS.get(head, ())))


def _in(file: Written | None, at: KeyPath) -> Place | None:
    return None if file is None else Place(file.path, file.line(at))


def _of_ledger(case: Case, head: str) -> KeyPath:
    """Return the planned change that tips the demand, else the dependent that matters most."""
    peak = peak_demand(steps_of(case.terms)).dependents
    if head == "retries":
        return _dependent(case, max(peak, key=lambda row: row.worst_rps - row.first_try_rps).name)
    if head not in {demand.CHECK, "chance"}:
        return ("dependent",)
    tipping = demand.tipping_of(case)
    if tipping is None or tipping.from_start:
        return _dependent(case, max(peak, key=lambda row: row.first_try_rps).name)
    return _change(case, tipping.causes[0].dependent, tipping.on)


def _dependent(case: Case, name: str) -> KeyPath:
    names = [row.name for row in case.terms.ledger.dependents]
    return ("dependent", names.index(name))


def _change(case: Case, name: str, on: date) -> KeyPath:
    at = _dependent(case, name)
    (row,) = (row for row in case.terms.ledger.dependents if row.name == name)
    (number, *_) = (n for n, own in enumerate(row.changes) if own.effective_from == on)
    return (*at, "change", number)
