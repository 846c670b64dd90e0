"""Sends an open loop whose tasks answer at once; started as a process by the tests.

Usage: exercise_memory.py DIRECTORY, which holds the schedule. By how many bytes it has grown, from
before it read the schedule, goes to standard output.
"""

from __future__ import annotations

# First of all, for it changes modules that others import.
import locust  # isort: skip

import os
import resource
import sys
from pathlib import Path

from locust.env import Environment

from load.journals import plan
from perfgate.load.inside.conductor import Alone
from perfgate.load.inside.draws import Draws
from perfgate.load.inside.driver import Driver
from perfgate.load.inside.recorder import Recorder
from perfgate.load.plan import Host, Open
from perfgate.load.rows import journal_file, manifest_file
from perfgate.load.schedule import Schedule, Stage, draw_schedule

FIRST = draw_schedule([Stage(20_000.0, 1.0)], mix={"answer": 1.0}, seed=1, arrivals="uniform")


class Caller(locust.User):
    """A user that needs nobody to ask."""

    @locust.task
    def answer(self) -> None:
        """Tell of an answer."""
        told = {"request_type": "", "name": "", "response_time": 0.0, "response_length": 2}
        self.environment.events.request.fire(**told, exception=None, context={}, response=None)


def send(directory: Path, name: str, schedule: Schedule | None = None) -> None:
    """Send a schedule; without one, that in the directory."""
    host = Host("candidate", "http://127.0.0.1:9", os.getpid())
    sent = plan(hosts=(host,), mix={"answer": 1.0}, open=Open(name, 5.0, 2000))
    (directory / name).mkdir()
    recorder = Recorder(journal_file(directory / name, 0))
    environment = Environment(events=locust.events)
    environment.events.request.add_listener(recorder.on_request)  # type: ignore[no-untyped-call] # Locust's is not annotated
    driver = Driver(sent, recorder, Alone(sent.hosts), Draws())
    driver.run([Caller], environment, schedule or Schedule.read(directory / "schedule.npz"))
    recorder.close(manifest_file(directory / name, 0), {})
    environment.events.request.remove_listener(recorder.on_request)  # type: ignore[no-untyped-call] # as above


def main() -> None:
    """Send a few, for code and buffers to be there, and then all."""
    directory = Path(sys.argv[1])
    send(directory, "first", FIRST)
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    send(directory, "all")
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb
    sys.stdout.write(f"{grown_kb * 1024}\n")


if __name__ == "__main__":
    main()
