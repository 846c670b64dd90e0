"""Given to plain Locust beside a Locust file: notes when each request and the run ended.

What Locust itself reports at the end is written next to that, in milliseconds.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gevent
from locust import events

if TYPE_CHECKING:
    from locust.env import Environment

STAMPS: list[tuple[int, float, float]] = []
STOPPED_S: list[float] = []


def _note(response_time: float, **_: Any) -> None:
    ended_s = time.monotonic()
    STAMPS.append((id(gevent.getcurrent()), ended_s - response_time / 1000, ended_s))


def _note_end(**_: Any) -> None:
    STOPPED_S.append(time.monotonic())


def _write(environment: Environment, **_: Any) -> None:
    total = environment.stats.total
    reported = {str(share): total.get_response_time_percentile(share) for share in (0.5, 0.9, 0.99)}
    Path(os.environ["STAMPS_FILE"]).write_text(
        json.dumps({"stamps": STAMPS, "stopped_s": STOPPED_S[0], "reported_ms": reported})
    )


events.request.add_listener(_note)  # type: ignore[no-untyped-call] # Locust's is not annotated
events.test_stopping.add_listener(_note_end)  # type: ignore[no-untyped-call] # as above
events.quitting.add_listener(_write)  # type: ignore[no-untyped-call] # as above
