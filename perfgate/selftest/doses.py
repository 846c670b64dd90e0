"""What the service takes for a request becomes harms of a size that any gate should see.

Pure: nothing is measured or judged here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from perfgate.analysis.change import ROLES, cost_s
from perfgate.measurement.histogram import Histogram
from perfgate.selftest.harm import Harm, Kind
from perfgate.verdict.finding import number

if TYPE_CHECKING:
    from perfgate.verdict.case import Case

# Of what a request takes, unharmed: many times what the default margins let pass, and no more than
# a careless commit adds.
WAIT_SHARE = 1.0
BURN_SHARE = 0.3
ONE_IN = 10
# A timer is late by up to 1 ms, so that a shorter wait would be of quite another size.
LEAST_WAIT_S = 0.002


@dataclass(frozen=True, slots=True)
class Usual:
    """A request behind the proxy, unharmed: its CPU time on average, the median of its time."""

    cost_s: float
    answer_s: float


def usual_of(case: Case) -> Usual | None:
    """Return what requests of either build took in sessions; None where there was none."""
    builds = [run.builds[role] for run in case.sessions for role in ROLES]
    times = Histogram()
    for own in builds:
        for operation in own.open.operations.values():
            times = times.merge(operation.service_s)
    answer_s = times.quantile(0.5)
    if answer_s is None:
        return None
    costs_s = [cost_s(run, role) for run in case.sessions for role in ROLES]
    return Usual(float(np.mean(costs_s)), answer_s)


def harm_of(kind: Kind, usual: Usual) -> Harm:
    """Return the harm of a kind, of a size for this service."""
    match kind:
        case Kind.NOTHING:
            return Harm(kind)
        case Kind.LATENCY:
            whole_ms = math.ceil(1000 * WAIT_SHARE * usual.answer_s)
            return Harm(kind, wait_s=max(whole_ms / 1000, LEAST_WAIT_S))
        case Kind.CPU:
            return Harm(kind, burn_s=BURN_SHARE * usual.cost_s)
        case Kind.ERRORS:
            return Harm(kind, one_in=ONE_IN)


def told(harm: Harm, usual: Usual | None) -> str:
    """Return in words what is put in front; where the usual is known, by how much that is more."""
    match harm.kind:
        case Kind.NOTHING:
            return "nothing"
        case Kind.LATENCY:
            more = f", {_more(harm.wait_s, usual.answer_s)} of the median time" if usual else ""
            return f"each request waits at least {number(1000 * harm.wait_s)} ms{more}"
        case Kind.CPU:
            more = f", {_more(harm.burn_s, usual.cost_s)} of its CPU time" if usual else ""
            return f"each request takes {number(1000 * harm.burn_s)} ms of CPU{more}"
        case Kind.ERRORS:
            return f"one of every {harm.one_in} answers gets status 500"


def _more(added_s: float, usual_s: float) -> str:
    return f"{100 * added_s / usual_s:+.0f} %"
