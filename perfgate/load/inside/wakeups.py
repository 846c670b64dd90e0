"""How late this machine wakes the load generator: a program of its own, which prints JSON.

By the generator's timer and, for reference, by gevent.sleep; in seconds after the moment asked for.
It sends nothing.
"""

from __future__ import annotations

import json
import random
import sys
import time
from typing import TYPE_CHECKING

import gevent

from perfgate.load.inside.timer import Timer

if TYPE_CHECKING:
    from collections.abc import Callable

WAKEUPS = 300
RATE_PER_S = 300.0


def lateness_s(wait_until: Callable[[float], None]) -> list[float]:
    """Return how late each wake-up was, at moments as irregular as Poisson arrivals."""
    rng = random.Random(0)
    found, moment_s = [], time.monotonic()
    for _ in range(WAKEUPS):
        moment_s = max(moment_s, time.monotonic()) + rng.expovariate(RATE_PER_S)
        wait_until(moment_s)
        found.append(time.monotonic() - moment_s)
    return found


def _sleep_until(moment_s: float) -> None:
    gevent.sleep(max(0.0, moment_s - time.monotonic()))


def main() -> None:
    """Try both and print what was found."""
    with Timer() as timer:
        by_timer = lateness_s(timer.wait_until)
    json.dump({"timer_s": by_timer, "sleep_s": lateness_s(_sleep_until)}, sys.stdout)


if __name__ == "__main__":
    main()
