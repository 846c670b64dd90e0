"""What is known ahead of a run: the noise that `perfgate calibrate` found here, and so the plan.

Nothing is measured, judged or printed here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfgate.analysis.resolution import Pace
from perfgate.baseline.noise import noise_path, read_noise, still_holds
from perfgate.gate import alone_s, demand_run_s, session_s
from perfgate.machine import read_environment
from perfgate.report.blame import known_lines, plan_of_search, progress_line
from perfgate.report.calibration import foretold
from perfgate.search import SETTLED_TRIALS, most_s
from perfgate.selftest.harm import Kind
from perfgate.upheaval import longest_s, shortest_s
from perfgate.verdict.finding import counted
from perfgate.verdict.noise import remembered

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from perfgate.measurement.models import Environment
    from perfgate.verdict.bisection import Bisection
    from perfgate.verdict.fitness import Rehearsal
    from perfgate.wish import Wish


def store_of(wish: Wish) -> Path:
    """Return the directory of the store."""
    return wish.loaded.root / wish.loaded.config.baseline.directory


def known_noise(wish: Wish, environment: Environment) -> Rehearsal | None:
    """Return what is known of this service on this kind of machine, in sessions as they are now.

    None where nothing is. Raises StoreError for a record that cannot be read.
    """
    config = wish.loaded.config
    profile = config.profiles[wish.profile]
    record = read_noise(noise_path(store_of(wish), wish.profile, environment))
    if record is None or not still_holds(record, config.service, profile):
        return None
    return remembered(record, config)


def ahead(wish: Wish) -> list[str]:
    """Return in sentences what a check will do here, how long that takes and what it can find."""
    alone = wish.quick or wish.loaded.config.target.url is not None
    told = [] if wish.stored else [quick_ahead(wish) if alone else plan_ahead(wish)]
    told += [recovery_ahead(wish)] if wish.recovery else []
    return told + ([search_ahead(wish)] if wish.find_capacity else [])


def quick_ahead(wish: Wish) -> str:
    """Return in a sentence how long a check of the candidate alone will take."""
    config = wish.loaded.config
    profile = config.profiles[wish.profile]
    pace = Pace(demand_run_s(profile), alone_s(profile), config.budget.sessions_s)
    sessions = pace.looks()[0]
    seconds = round(pace.check_s(sessions), -1)
    return (
        f"plan: the required rate, then {counted(sessions, 'session')} of the candidate alone, "
        f"about {seconds:.0f} s; whether it got worse than its base is not asked"
    )


def plan_ahead(wish: Wish) -> str:
    """Return in a sentence how long a check will take here and what it can find."""
    return foretold(*_pace(wish))


def _pace(wish: Wish) -> tuple[Pace, tuple[int, ...], Rehearsal | None]:
    """Return pace and looks of a check, and what they are known from; None where they are guessed.

    Raises StoreError for a record that cannot be read.
    """
    config = wish.loaded.config
    profile = config.profiles[wish.profile]
    known = known_noise(wish, read_environment())
    if known and known.resolution:
        return known.resolution.pace, known.resolution.plan.looks, known
    guess = Pace(demand_run_s(profile), session_s(profile), config.budget.sessions_s)
    return guess, profile.looks or guess.looks(), None


def selftest_ahead(wish: Wish, wanted: Sequence[Kind]) -> str:
    """Return in a sentence what a selftest will do here and how long it will take."""
    pace, looks, _ = _pace(wish)
    # Errors are found by the first session, all else at a look.
    first = [1 if kind is Kind.ERRORS else looks[0] for kind in wanted]
    last = max([looks[0], *(look for look in looks if pace.affords(look))])
    soon, most = sum(map(pace.check_s, first)), len(first) * pace.check_s(last)
    return (
        f"plan: {counted(len(wanted), 'check')} of the service beside itself, with "
        f"{', '.join(wanted)} in front of one; about {round(soon, -1):.0f} s, and up to "
        f"{round(most, -1):.0f} s where sessions differ much"
    )


def recovery_ahead(wish: Wish) -> str:
    """Return in a sentence how long it will take to try recovery."""
    test = wish.loaded.config.recovery
    soon, most = shortest_s(test), longest_s(test)
    return (
        f"plan: then an overload; from about {soon:.0f} s if callers are served again at once, to "
        f"{most:.0f} s for each build that stays down"
    )


def bisection_ahead(bisection: Bisection, wish: Wish) -> list[str]:
    """Return what a search for a commit knows already, and how long the rest of it will take."""
    if bisection.looks:
        return [*known_lines(bisection), progress_line(bisection)]
    config = wish.loaded.config
    profile = config.profiles[wish.profile]
    first_s, each_s = demand_run_s(profile), session_s(profile)
    pace = Pace(first_s, each_s, config.budget.sessions_s)
    return [plan_of_search(len(bisection.line), profile.looks or pace.looks(), pace)]


def search_ahead(wish: Wish) -> str:
    """Return in a sentence how long the search for mu_SLO will take."""
    shape = wish.loaded.config.search
    most = counted(shape.trials, "trial")
    sooner = f", {SETTLED_TRIALS} if they agree" if shape.trials > SETTLED_TRIALS else ""
    return (
        f"plan: then up to {most} of {shape.trial_s:g} s to find the highest rate that keeps every "
        f"promise{sooner}; about {most_s(shape):.0f} s"
    )
