"""The journal of a run through an upset becomes what callers sent and got, second by second.

Whether that is a recovery is :mod:`perfgate.analysis.recovery`'s business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from perfgate.errors import LoadError
from perfgate.load.plan import BUILDS, Outcome, Phase
from perfgate.load.pulse import heard_of
from perfgate.measurement.models import CallerCourse, Recovery
from perfgate.measurement.summarise import failures_of, frame_of, validity_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from perfgate.load.journal import Journal
    from perfgate.load.plan import Caller, Plan
    from perfgate.measurement.models import BuildRole, Upset
    from perfgate.measurement.summarise import Surroundings

    Times = NDArray[np.float64]

# Fewer late answers do not tell how fast attempts are completed.
LEAST_LATE = 5
# Where more overtake them, late answers are not those of one queue.
OVERTAKING_RATIO = 0.1


def recovery_of(
    journal: Journal, plan: Plan, upset: Upset, demand_rps: float, surroundings: Surroundings
) -> Recovery:
    """Return how the build of the plan's only host fared; raises LoadError where no call was made.

    An answer counts where it was correct and came before its caller gave up.
    """
    if journal.calls is None or plan.recovery is None:
        raise LoadError(
            "the load run did not get as far as the calls",
            hint="Its log, kept with --output, may say more.",
        )
    role: BuildRole = "base" if plan.hosts[0].build == "base" else "candidate"
    frame, start_s = frame_of(journal), journal.calls.start_s
    rows = frame[(frame["phase"] == Phase.RECOVERY) & (frame["build"] == BUILDS.index(role))]
    sent_s, ended_s = ((rows[name] - start_s).to_numpy() for name in ("started_s", "ended_s"))
    callers, whose = plan.recovery.callers, rows["caller"].to_numpy()
    late = ended_s - sent_s > np.array([caller.timeout_s for caller in callers])[whose]
    outcome = rows["outcome"].to_numpy()
    first, answered = (rows["attempt"] == 0).to_numpy(), (outcome == Outcome.OK) & ~late
    tries, answers = (whose[first], sent_s[first]), (whose[answered], ended_s[answered])
    ends = np.arange(1, int(np.nanmax(sent_s)) + 2)
    waiting, mu_over_rps = _queue(sent_s, ended_s, outcome, late, ends)
    quiet = rows[(rows["intended_s"] - start_s) < upset.from_s]
    return Recovery(
        build=role,
        seed=plan.seed,
        demand_rps=demand_rps,
        upset=upset,
        first_tries=_by_second(tries[1], ends),
        attempts=_by_second(sent_s, ends),
        answered=_by_second(answers[1], ends),
        waiting=waiting,
        mu_over_rps=mu_over_rps,
        failures=failures_of(rows),
        unsent=sum(sum(own.unsent.values()) for own in journal.generators),
        rss_bytes=_memory(journal),
        validity=validity_of(quiet, pd.DataFrame(journal.windows), journal, surroundings),
        callers=_heard(callers, tries, answers, ends),
        due=_due(rows, sent_s, ended_s, ends),
        lost=surroundings.lost.get(role, 0),
    )


def _heard(
    callers: Sequence[Caller],
    tries: tuple[NDArray[np.uint16], Times],
    answers: tuple[NDArray[np.uint16], Times],
    ends: NDArray[np.int64],
) -> tuple[CallerCourse, ...]:
    """Return how callers fared that are judged each alone; tries and answers: whose, and when."""
    return tuple(
        CallerCourse(
            name=callers[place].name,
            first_tries=_by_second(tries[1][tries[0] == place], ends),
            answered=_by_second(answers[1][answers[0] == place], ends),
        )
        for place in heard_of(callers)
    )


def _by_second(times_s: Times, ends: NDArray[np.int64]) -> tuple[int, ...]:
    """Return how many of the times fall into each second."""
    upto = np.searchsorted(np.sort(times_s[~np.isnan(times_s)]), ends)
    return tuple(np.diff(upto, prepend=0).tolist())


def _queue(
    sent_s: Times,
    ended_s: Times,
    outcome: NDArray[np.uint8],
    late: NDArray[np.bool_],
    ends: NDArray[np.int64],
) -> tuple[tuple[int | None, ...], float | None]:
    """Return how many attempts waited at each time, and how many a second were completed.

    Neither is known where they are not served in the order in which they were sent.
    """
    good, queued = outcome == Outcome.OK, outcome != Outcome.FAILED
    served = _served(sent_s, ended_s, good & late)
    if _overtaken(sent_s, np.where(good, ended_s, np.inf), *served):
        return (None,) * len(ends), None
    given_up_s, under_way = sent_s[outcome == Outcome.ABANDONED], _under_way(sent_s, ended_s, ends)
    waiting = _waiting(sent_s[queued], *served, given_up_s, under_way)
    return waiting, _completed_rps(sent_s[queued], *served)


def _served(sent_s: Times, ended_s: Times, late: NDArray[np.bool_]) -> tuple[Times, Times]:
    """Return when attempts were sent and when they were answered, of those answered late.

    In the order in which they were sent; a service that serves in order answers them in it.
    """
    order = np.argsort(sent_s[late])
    return sent_s[late][order], np.maximum.accumulate(ended_s[late][order])


def _overtaken(sent_s: Times, known_s: Times, late_s: Times, answered_s: Times) -> bool:
    """Tell whether many are known to be answered before others that had been sent earlier.

    These wait for something that the many do not need, such as a pool of their own; how long tells
    nothing of how many wait, or how fast all are served.
    """
    if not len(late_s):
        return False
    during = np.count_nonzero((sent_s >= late_s[0]) & (sent_s < answered_s[-1]))
    ahead = np.count_nonzero((sent_s >= late_s[-1]) & (known_s < answered_s[-1]))
    return bool(ahead > OVERTAKING_RATIO * during)


def _completed_rps(sent_s: Times, late_s: Times, answered_s: Times) -> float | None:
    """Return the attempts completed per second between the first late answer and the last.

    Served in order, what was sent between two attempts is completed between their answers, whoever
    still waits for it.
    """
    if len(late_s) < LEAST_LATE or answered_s[-1] <= answered_s[0]:
        return None
    between = np.count_nonzero((sent_s >= late_s[0]) & (sent_s < late_s[-1]))
    return float(between / (answered_s[-1] - answered_s[0]))


def _waiting(
    sent_s: Times, late_s: Times, answered_s: Times, given_up_s: Times, under_way: NDArray[np.int64]
) -> tuple[int | None, ...]:
    """Return how many attempts waited at the end of each second, served in order.

    Before the first late answer, and after the last one where nobody has given up since, these are
    at least, or all of, the ones ``under_way``; else what comes after the last one is not known.
    """
    if not len(late_s):
        return tuple(None if len(given_up_s) else int(count) for count in under_way)
    ends = np.arange(1, len(under_way) + 1)
    begun_s = np.interp(ends, answered_s, late_s)
    sent, done = np.searchsorted(np.sort(sent_s), [ends, begun_s])
    waiting = np.maximum(sent - done, np.where(ends < answered_s[0], under_way, 0))
    is_last = ends > answered_s[-1]
    known = ~is_last if (given_up_s > late_s[-1]).any() else np.ones_like(is_last)
    told = np.where(is_last, under_way, waiting).tolist()
    return tuple(count if is_known else None for count, is_known in zip(told, known, strict=True))


def _under_way(sent_s: Times, ended_s: Times, ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many attempts had been sent and were not answered, nor given up, at each time."""
    begun, over = (np.searchsorted(np.sort(times), ends) for times in (sent_s, ended_s))
    return begun - over


def _due(
    rows: pd.DataFrame, sent_s: Times, ended_s: Times, ends: NDArray[np.int64]
) -> tuple[int, ...]:
    """Return how many callers waited to try again, at each time: between two of their attempts."""
    order = np.lexsort((rows["attempt"].to_numpy(), rows["number"].to_numpy()))
    again = (rows["attempt"].to_numpy()[order] > 0).nonzero()[0]
    since_s, until_s = ended_s[order][again - 1], sent_s[order][again]
    waits = until_s > since_s  # the answer to a witness may come after the next attempt
    return tuple(_under_way(since_s[waits], until_s[waits], ends).tolist())


def _memory(journal: Journal) -> tuple[int, int]:
    """Return the build's memory before the upset and at the end."""
    own = journal.windows["phase"] == Phase.RECOVERY
    before, after = journal.windows["rss_bytes"][own].tolist()
    return before, after
