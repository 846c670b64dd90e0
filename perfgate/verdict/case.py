"""Everything a verdict is made from, in one file: what was measured and the terms it is held to.

So a saved file is judged again without network, target or clock. Nothing is judged here.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Self

import numpy as np
from pydantic import ValidationError, model_validator

from perfgate.analysis.capacity import (
    BOUNDS_LEVEL,
    NO_CHANGE,
    chained,
    production_rate,
    scaled_rate,
)
from perfgate.analysis.change import SATURATED, paired, session_frame
from perfgate.analysis.compare import rate_interval, t_interval
from perfgate.analysis.interval import Interval
from perfgate.analysis.rates import service_rates
from perfgate.analysis.resolution import FIRST_LOOK
from perfgate.analysis.work import work_of
from perfgate.baseline.declared import slowdown_since
from perfgate.baseline.record import BaselineRecord
from perfgate.config.models import Config, Profile
from perfgate.demand.demand import Demand, asked_told, demand_steps, peak_demand
from perfgate.demand.ledger import StoredLedger
from perfgate.errors import UsageError
from perfgate.measurement.models import Measurement, Value
from perfgate.verdict.written import Written

if TYPE_CHECKING:
    from pathlib import Path

    from perfgate.demand.mix import Work
    from perfgate.measurement.models import BuildRole, Recovery, Run


# Why the stored baseline decides where the user wants that.
STORED_ASKED = "as --stored asks"


class Terms(Value):
    """What the measurement is held to.

    ``baseline_comparable``: the stored baseline is of this kind of machine. ``baseline_differs``:
    what else its load was made from, "" for the same. ``stored_because``: why it is held against a
    candidate measured alone. ``quick``: whether that got worse was not asked. ``config_file`` and
    ``ledger_file`` say where findings are to be shown (None in older files).
    """

    config: Config
    ledger: StoredLedger
    on: date
    baseline: BaselineRecord | None = None
    baseline_comparable: bool = False
    baseline_differs: str = ""
    stored_because: str = ""
    quick: bool = False
    config_file: Written | None = None
    ledger_file: Written | None = None

    @property
    def at_url(self) -> bool:
        """Tell whether a service was measured that ran already: its processes were not seen."""
        return self.config.target.url is not None

    @property
    def baseline_counts(self) -> bool:
        """Tell whether the stored rates can be held against what is measured here and now."""
        return self.baseline_comparable and not self.baseline_differs


class Case(Value):
    """A measurement and its terms."""

    measurement: Measurement
    terms: Terms

    @property
    def profile(self) -> Profile:
        """Return the profile that was measured with."""
        return self.terms.config.profiles[self.measurement.profile]

    @property
    def looks(self) -> tuple[int, ...]:
        """Return the numbers of sessions after which a decision is tried.

        They are fixed before the first session; until then only the first of them is known.
        """
        return self.profile.looks or (FIRST_LOOK,)

    @property
    def stored_decides(self) -> bool:
        """Tell whether the stored baseline alone says how the candidate compares."""
        alone = self.measurement.base is None and not self.terms.quick
        return alone and self.terms.baseline is not None

    @property
    def compares_none(self) -> bool:
        """Tell whether no base was to be measured beside the candidate."""
        return self.stored_decides or self.terms.quick or self.terms.at_url

    @property
    def against(self) -> str:
        """Return what the candidate was held against, as the user knows it; "" for nothing."""
        if self.measurement.base is not None:
            return self.measurement.base.name
        record = self.terms.baseline if self.stored_decides else None
        return "" if record is None else f"the stored baseline ({record.commit[:12]})"

    @property
    def sessions(self) -> list[Run]:
        """Return the sessions of candidate and base together."""
        return paired(self.measurement.sessions)

    def up_to(self, count: int) -> Case:
        """Return the case as it was after the first ``count`` sessions."""
        measured = self.measurement.model_copy(update={"sessions": tuple(self.sessions[:count])})
        return self.model_copy(update={"measurement": measured})

    @model_validator(mode="after")
    def _profile_is_configured(self) -> Self:
        if self.measurement.profile not in self.terms.config.profiles:
            raise ValueError(f"its terms have no profile {self.measurement.profile!r}")
        return self

    def to_text(self) -> str:
        """Return the file's text."""
        return self.model_dump_json(by_alias=True, indent=1) + "\n"


def read_case(path: Path) -> Case:
    """Read a saved case; raises UsageError that says what is wrong with the file."""
    try:
        return Case.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be read: {error.strerror}",
            hint="Name a file that `perfgate measure` or `perfgate check --output DIR` wrote.",
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise UsageError(
            f"{path}: not a measurement this version can read: {where}: {first['msg']}",
            hint="Measure again with this version.",
        ) from error


def steps_of(terms: Terms) -> list[Demand]:
    """Return the demand on the day of the check and after each planned change in the horizon."""
    return demand_steps(terms.ledger, terms.on, horizon_end(terms))


def horizon_end(terms: Terms) -> date:
    """Return the last day whose planned changes count."""
    return terms.on + timedelta(days=terms.config.demand.horizon_days)


def mix_of(terms: Terms) -> dict[str, float]:
    """Return the share of each operation in the highest demand."""
    return peak_demand(steps_of(terms)).mix


def required_rps(terms: Terms) -> float:
    """Return the service rate production must have: the highest demand times the headroom."""
    return peak_demand(steps_of(terms)).first_try_rps * terms.config.margins.headroom


def sent_by(terms: Terms, operation: str) -> str:
    """Return in a sentence, after a space, who sends most of an operation; "" where nobody does."""
    named = asked_told(terms.ledger, peak_demand(steps_of(terms)), operation)
    return f" {operation} is sent by {named}." if named else ""


def capacity_of(case: Case, role: BuildRole) -> Interval | None:
    """Return production's service rate with a build, or None where it was not measured.

    The bounds are one-sided, 95 % each.

    Measured here and multiplied by the instances that are full together; where production's own
    rate is declared, that rate less what was lost since, times the ratio measured here.
    """
    here = measured_rate(case, role)
    if here is None:
        return None
    production = case.terms.config.production
    if production.service_rate_rps is None:
        return scaled_rate(here, production.full_instances)
    since = since_declared(case) or NO_CHANGE
    if role == "base":
        return production_rate(production, since)
    slowdowns = session_frame(case.measurement.sessions)[SATURATED].to_numpy(dtype=float)
    if len(slowdowns) < 2 or np.isnan(slowdowns).any():  # noqa: PLR2004 - an interval needs two
        return None
    if np.isinf(slowdowns).any():
        base_rps = production_rate(production, since).estimate
        left = np.exp(-slowdowns) * base_rps
        return Interval(float(left.mean()), 0.0, float(left.max()))
    return production_rate(production, chained(since, t_interval(slowdowns, BOUNDS_LEVEL)))


def since_declared(case: Case) -> Interval | None:
    """Return the slowdown (log) from the build whose rate production is declared with to the base.

    None where that is not known: no commit is declared, or one that the stored baseline does not
    know. What lies between the stored baseline and another base is not measured, and taken for
    nothing.
    """
    commit, record = case.terms.config.production.service_rate_commit, case.terms.baseline
    base = case.measurement.base
    if commit is None:
        return None
    if base is not None and base.commit is not None and base.commit.startswith(commit):
        return NO_CHANGE
    return None if record is None else slowdown_since(record, commit)


def work_of_case(case: Case, role: BuildRole) -> Work:
    """Return what requests of a build cost, and the mix that its service rate was measured with."""
    conditions = case.measurement.conditions
    mix = mix_of(case.terms) if conditions is None else conditions.mix
    return work_of(case.measurement.runs, role, mix)


def measured_rate(case: Case, role: BuildRole) -> Interval | None:
    """Return the service rate of a build on this machine, None without two runs that have one.

    Where a run had no correct answer at all, the rate is 0.
    """
    rates = service_rates(case.measurement.runs, role)
    if len(rates) < 2:  # noqa: PLR2004 - an interval needs two runs
        return None
    if not (rates > 0).all():
        return Interval(float(rates.mean()), 0.0, float(rates.max()))
    return rate_interval(rates, BOUNDS_LEVEL)


def recovery_of(case: Case, role: BuildRole) -> Recovery | None:
    """Return how a build came through an upset, None where it went through none."""
    return next((one for one in case.measurement.recoveries if one.build == role), None)
