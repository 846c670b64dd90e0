"""The words of the command line become a wish: every file they name read, builds still names.

Nothing is measured, built or looked up in git here; it imports nothing that takes long.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from perfgate.config.load import load_config
from perfgate.demand.demand import demand_steps, peak_demand
from perfgate.demand.ledger import load_ledger
from perfgate.errors import UsageError
from perfgate.load.recorded import read_recorded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from perfgate.config.load import LoadedConfig
    from perfgate.demand.ledger import Ledger


# Of a margin: the rest must be left for noise, or nothing between the two is ever decided.
TOLERATED = 1 / 4
# For sessions of the candidate alone: four of them, as a profile is by default.
QUICK_S = 36.0


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for; ``base`` is None where the stored baseline's commit, or nothing, is.

    ``recorded_s`` are the times that the profile replays, if it does. ``stored``: no base is
    measured, the stored baseline alone is to decide. ``find_capacity``: the highest rate that
    keeps every promise is searched, too. ``recovery``: an overload is tried, too. ``quick``: no
    base is measured, and none is needed; a stored baseline is held against the candidate if there
    is one.
    """

    loaded: LoadedConfig
    ledger: Ledger
    profile: str
    candidate: str
    base: str | None
    on: date
    recorded_s: Sequence[float]
    stored: bool = False
    find_capacity: bool = False
    recovery: bool = False
    quick: bool = False

    @property
    def ledger_path(self) -> Path:
        """Return the file that the ledger was read from."""
        return self.loaded.root / self.loaded.config.demand.ledger


def read_wish(
    config: Path | None,
    profile: str,
    candidate: str,
    base: str | None,
    on: date,
    *,
    seed: int | None = None,
) -> Wish:
    """Read the configuration (at ``config``, or the nearest one), its ledger, and what is replayed.

    A ``seed`` takes the place of the configuration's.
    Raises FileFaultsError for what is wrong in these files, UsageError where one is missing, has
    no such profile, or looks ahead beyond the calendar.
    """
    loaded = _seeded(load_config(config, Path.cwd()), seed)
    if profile not in loaded.config.profiles:
        known = ", ".join(sorted(loaded.config.profiles))
        raise UsageError(
            f"{loaded.path}: there is no profile {profile!r}", hint=f"There are: {known}."
        )
    last_day(on, loaded.config.demand.horizon_days)
    ledger = load_ledger(loaded.root / loaded.config.demand.ledger)
    _refuse_no_demand(loaded, ledger, on)
    log = loaded.config.profiles[profile].recorded
    recorded_s = () if log is None else read_recorded(loaded.root / log)
    return Wish(loaded, ledger, profile, candidate, base, on, recorded_s)


def _seeded(loaded: LoadedConfig, seed: int | None) -> LoadedConfig:
    if seed is None:
        return loaded
    load = loaded.config.load.model_copy(update={"seed": seed})
    return replace(loaded, config=loaded.config.model_copy(update={"load": load}))


def held_to(wish: Wish, *, margin: float | None, budget_s: float | None) -> Wish:
    """Return the wish held to another margin or budget, where one is given.

    ``margin``, a ratio between 0 and 1, takes the place of the configured slowdown, and at most
    TOLERATED of it is tolerated. ``budget_s`` takes the place of the configured time for sessions
    and chooses the profile's looks.
    """
    loaded = wish.loaded
    if margin is not None:
        loaded = _with_margin(loaded, margin)
    if budget_s is not None:
        loaded = _with_budget(loaded, wish.profile, budget_s)
    return replace(wish, loaded=loaded)


def searching(wish: Wish) -> Wish:
    """Return the wish for the highest rate within the promises, too.

    Raises UsageError where no latency is promised of what is sent: then there is no such rate.
    """
    if not _promises(wish):
        raise UsageError(
            f"{wish.loaded.path}: no latency is promised of what is sent "
            f"({', '.join(sorted(sent(wish)))}), so there is no highest rate to find",
            hint='Promise one, for every operation or by name:  [slo."*"]  p95_ms = 250.0',
        )
    return replace(wish, find_capacity=True)


def quickly(wish: Wish) -> Wish:
    """Return the wish for what a minute tells: the required rate, and the service rate."""
    return replace(held_to(wish, margin=None, budget_s=QUICK_S), quick=True)


def fully(wish: Wish) -> Wish:
    """Return the wish for all that can be asked.

    That is recovery, unless what runs already would be left down, or an overload cannot be made,
    and, where any latency is promised, the highest rate.
    """
    at_url = wish.loaded.config.target.url is not None
    possible = not at_url and not wish.loaded.config.no_upset
    return replace(wish, recovery=possible, find_capacity=_promises(wish))


def upsetting(wish: Wish) -> Wish:
    """Return the wish for recovery, too.

    Raises UsageError where what stays down stays so, and where it cannot be made.
    """
    if reason := wish.loaded.config.no_upset:
        raise UsageError(f"--recovery {reason}", hint="Try it on one machine, with a process.")
    url = wish.loaded.config.target.url
    if url is not None:
        raise UsageError(
            f"--recovery may leave a build dead, and that at target.url = {url} cannot be started "
            "anew",
            hint="Say in target.start how it is started.",
        )
    return replace(wish, recovery=True)


def sent(wish: Wish) -> Mapping[str, float]:
    """Return the share of each operation that is sent in the highest demand."""
    last = last_day(wish.on, wish.loaded.config.demand.horizon_days)
    return peak_demand(demand_steps(wish.ledger, wish.on, last)).mix


def _promises(wish: Wish) -> bool:
    """Tell whether a latency is promised of anything that is sent."""
    slo = wish.loaded.config.slo
    promised = [slo.get(name) or slo.get("*") for name in sent(wish)]
    return any(own is not None and own.promises_latency for own in promised)


def _with_margin(loaded: LoadedConfig, margin: float) -> LoadedConfig:
    margins = loaded.config.margins
    tolerance = min(margins.tolerance, TOLERATED * margin)
    held_to = margins.model_copy(update={"slowdown": margin, "tolerance": tolerance})
    return replace(loaded, config=loaded.config.model_copy(update={"margins": held_to}))


def _with_budget(loaded: LoadedConfig, profile: str, budget_s: float) -> LoadedConfig:
    config = loaded.config
    budget = config.budget.model_copy(update={"sessions_s": budget_s})
    shape = config.profiles[profile].model_copy(update={"looks": None})
    profiles = {**config.profiles, profile: shape}
    changed = config.model_copy(update={"budget": budget, "profiles": profiles})
    return replace(loaded, config=changed)


def _refuse_no_demand(loaded: LoadedConfig, ledger: Ledger, on: date) -> None:
    steps = demand_steps(ledger, on, last_day(on, loaded.config.demand.horizon_days))
    if peak_demand(steps).first_try_rps == 0:
        raise UsageError(
            f"{loaded.root / loaded.config.demand.ledger}: nobody sends anything, now or within "
            f"{loaded.config.demand.horizon_days} days",
            hint="Give a dependent a peak_rps above 0: the load takes its mix from the demand.",
        )


def last_day(on: date, days: int) -> date:
    """Return the day that lies ``days`` after ``on``; raises UsageError beyond the calendar."""
    try:
        return on + timedelta(days=days)
    except OverflowError as error:
        raise UsageError(
            f"{days} days after {on} lie beyond the calendar",
            hint="Name an earlier day, or a shorter horizon.",
        ) from error
