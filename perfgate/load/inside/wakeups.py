"""How late this machine wakes the load generator: a program of its own, which prints JSON.

By the generator's timer and, for reference, by gevent.sleep; in seconds after the moment asked for.
It sends nothing.
"""

from __future__ import annotations

import json
import random
import sys
import time
from itertools import accumulate

import gevent

from perfgate.load.inside.timer import Timer

WAKEUPS = 300
RATE_PER_S = 300.0
HEAD_START_S = 0.02


def moments_s() -> list[float]:
    """Return moments from soon on, as irregular as Poisson arrivals."""
    rng = random.Random(0)
    gaps_s = (rng.expovariate(RATE_PER_S) for _ in range(WAKEUPS))
    return list(accumulate(gaps_s, initial=time.monotonic() + HEAD_START_S))


def by_timer_s() -> list[float]:
    """Return how late the generator's timer was at each moment."""
    late_s: list[float] = []
    with Timer() as timer:
        due = ((moment_s, moment_s) for moment_s in moments_s())
        timer.call_each(due, lambda moment_s: late_s.append(time.monotonic() - moment_s))
    return late_s


def by_sleep_s() -> list[float]:
    """Return how late gevent.sleep was at each moment that had not passed before it was called."""
    late_s = []
    for moment_s in moments_s():
        ahead_s = moment_s - time.monotonic()
        if ahead_s > 0:
            gevent.sleep(ahead_s)
            late_s.append(time.monotonic() - moment_s)
    return late_s


def main() -> None:
    """Try both and print what was found."""
    json.dump({"timer_s": by_timer_s(), "sleep_s": by_sleep_s()}, sys.stdout)


if __name__ == "__main__":
    main()
