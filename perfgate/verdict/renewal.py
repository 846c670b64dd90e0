"""Is it worth renewing the stored baseline? Only where something changed, or where it is stale.

Pure: what is new was measured before, or is given.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import TYPE_CHECKING

from scipy.special import stdtrit

from perfgate.analysis.sequential import percent
from perfgate.baseline.making import step_of
from perfgate.baseline.record import FORMAT
from perfgate.verdict.finding import counted
from perfgate.verdict.metric import words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perfgate.baseline.anchor import Slowdown, Step
    from perfgate.baseline.record import BaselineRecord
    from perfgate.config.models import Margins
    from perfgate.verdict.case import Case, Terms


def why_renew(case: Case) -> str:
    """Return why the measurement should become the baseline, "" where nothing speaks for it."""
    measured = case.measurement
    return _stale(case.terms, measured.taken_at) or _changed(
        step_of(measured), case.terms.config.margins
    )


def surely_worse(case: Case) -> str:
    """Return which metric surely lost more than is tolerated, "" if none did.

    A check may pass that: its margin is wider. As a bar it would be lower all the same.
    """
    step = step_of(case.measurement)
    return "" if step is None else _surely_risen(step.slowdowns, case.terms.config.margins)


def worse_than_bar(record: BaselineRecord, bar: BaselineRecord, margins: Margins) -> str:
    """Return which metric surely lost more than is tolerated since the bar that it replaces.

    Asked of a record that was measured beside the anchor's build, as the bar was: by as much as it
    is further from there. "" if none did, or it was measured beside another.
    """
    step, anchor = record.step, bar.anchor
    if step is None or anchor is None or step.against != anchor.commit:
        return ""
    since = {
        name: own.then(anchor.slowdowns[name].reversed())
        for name, own in step.slowdowns.items()
        if name in anchor.slowdowns
    }
    return _surely_risen(since, margins)


def _surely_risen(slowdowns: Mapping[str, Slowdown], margins: Margins) -> str:
    level = 1 - margins.fail_alpha / max(len(slowdowns), 1)
    tolerance = math.log1p(margins.tolerance)
    told = [
        f"{words(name)} rose {percent(own.estimate):.1f} %"
        for name, own in slowdowns.items()
        if own.estimate - float(stdtrit(own.freedom, level)) * own.error > tolerance
    ]
    return " and ".join(told)


def _stale(terms: Terms, now: str) -> str:
    """Return why the stored baseline should be renewed whatever is measured, "" if it is fresh."""
    record = terms.baseline
    if record is None:
        return "there is none yet"
    if not terms.baseline_comparable:
        return "there is none of this kind of machine"
    if terms.baseline_differs:
        return f"it was measured under {terms.baseline_differs}"
    if record.format != FORMAT:
        return f"it is of the older format {record.format}"
    age = (datetime.fromisoformat(now) - record.when).days
    if age > terms.config.baseline.stale_days:
        return f"it is {counted(age, 'day')} old"
    return ""


def _changed(step: Step | None, margins: Margins) -> str:
    """Return which metric changed beyond noise, for better or worse: both together err rarely."""
    if step is None:
        return ""
    level = 1 - margins.fail_alpha / (2 * len(step.slowdowns))
    told = [
        f"{words(name)} changed {percent(own.estimate):+.1f} %"
        for name, own in step.slowdowns.items()
        if _significant(own, level)
    ]
    return " and ".join(told)


def _significant(own: Slowdown, level: float) -> bool:
    return abs(own.estimate) > float(stdtrit(own.freedom, level)) * own.error
