"""How harms are put before a build and tried in turn; the sessions are made by hand.

Real ones are measured in tests/cli/test_cli_selftest.py.
"""

from __future__ import annotations

import shlex
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from builders import demand_run, environment, incident, session
from cli.command_line import make_project
from gates import ALL, LIKE

from perfgate import gate
from perfgate.build.provide import Build as Provided
from perfgate.config.models import Target
from perfgate.errors import LoadError, UsageError
from perfgate.load.engine import Engine
from perfgate.progress import Silence
from perfgate.rig import Outcome, Rig
from perfgate.selftest.harm import Harm, Kind, Tally, note_tally, read_place
from perfgate.selftest.outcome import Answer
from perfgate.selftest.proxy import SERVICE_PORT
from perfgate.selftest.trials import behind_proxy, tried
from perfgate.target.process import start_target
from perfgate.wish import read_wish

if TYPE_CHECKING:
    from perfgate.measurement.models import Incident
    from perfgate.rig import Assignment
    from perfgate.selftest.outcome import Trial
    from perfgate.wish import Wish

TODAY = date(2026, 11, 1)


class Bench:
    """Sessions made by hand, by the harm that a build's directory holds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.harms: list[tuple[Harm, Harm]] = []
        self.directories: set[str] = set()
        self.runs_dirs: list[Path] = []
        self.incidents: dict[Kind, Incident] = {}
        self.troubles: list[Kind] = []
        monkeypatch.setattr(gate, "run_once", self.run_once)

    def run_once(self, rig: Rig, asked: Assignment) -> Outcome:
        """Return a session in which the candidate is as a build with its harm is."""
        place = read_place(asked.builds["candidate"].directory)
        note_tally(asked.builds["candidate"].directory, Tally(100, 10))
        self.directories.add(place.directory)
        self.runs_dirs.append(rig.runs_dir)
        kind = place.harm.kind
        if kind in self.incidents:
            return Outcome(incidents=(self.incidents[kind],))
        if kind in self.troubles:
            raise LoadError("Locust ended with exit code 1:\nits log")
        if asked.trials:
            demand = demand_run()
            return Outcome(demand.run, demand.trials)
        self.harms.append((read_place(asked.builds["base"].directory).harm, place.harm))
        shaken = len(self.harms) % 3 * 1e-3
        own = LIKE[kind]
        return Outcome(
            session(replace(own, cost=own.cost + shaken, capacity=own.capacity + shaken))
        )


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Return the bench on which all sessions are made."""
    return Bench(monkeypatch)


@pytest.fixture
def wish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wish:
    """Return what a selftest of a described service wishes for."""
    monkeypatch.chdir(make_project(tmp_path / "project"))
    return behind_proxy(read_wish(None, "default", ".", None, TODAY))


def trials(wish: Wish, wanted: tuple[Kind, ...] = ALL) -> list[Trial]:
    """Return all trials of the project here, on a rig on which nothing is started."""
    build = Provided("working tree", Path.cwd(), None, dirty=False, label="working tree")
    rig = Rig(Target(start="serve"), Engine(Path("callers.py")), None, Path("runs"), Silence())
    return list(tried(wish, build, wanted, environment(), rig))


def test_each_harm_is_tried_beside_nothing(wish: Wish, bench: Bench) -> None:
    """The base is never harmed, the candidate as its trial says, in order; all is right."""
    found = trials(wish)
    assert [trial.harm.kind for trial in found] == list(ALL)
    assert [trial.answer for trial in found] == [Answer.RIGHT] * 4
    assert {base for base, _ in bench.harms} == {Harm(Kind.NOTHING)}
    assert list(dict.fromkeys(own for _, own in bench.harms)) == [trial.harm for trial in found]
    assert bench.directories == {str(Path.cwd())}


def test_sizes_are_taken_from_what_was_measured(wish: Wish, bench: Bench) -> None:
    """Harms are of the size that the sessions with nothing in front ask for."""
    _, latency, cpu, errors = (trial.harm for trial in trials(wish))
    assert bench.harms
    assert 0.004 < latency.wait_s < 0.008
    assert cpu.burn_s == pytest.approx(0.3 * 0.002, rel=0.01)
    assert errors.one_in == 10


def test_runs_are_kept_apart(wish: Wish, bench: Bench) -> None:
    """Journals and logs of each trial lie in a directory of its own."""
    trials(wish, (Kind.NOTHING, Kind.CPU))
    assert list(dict.fromkeys(bench.runs_dirs)) == [Path("runs/nothing"), Path("runs/cpu")]


def test_what_came_through_is_counted(wish: Wish, bench: Bench) -> None:
    """The tally of a trial is that of all processes of its candidate."""
    (nothing,) = trials(wish, (Kind.NOTHING,))
    assert nothing.tally == Tally(100 * len(bench.runs_dirs), 10 * len(bench.runs_dirs))


def test_without_a_session_no_harm_is_tried(wish: Wish, bench: Bench) -> None:
    """A service that does not come through beside itself ends the selftest, with the reason."""
    bench.incidents[Kind.NOTHING] = incident(build="base")
    (only,) = trials(wish)
    assert only.answer is Answer.OPEN
    assert "exited with code 7" in only.reason


def test_trouble_with_one_harm_is_its_own(wish: Wish, bench: Bench) -> None:
    """Where load breaks down the trial has no verdict, and the others go on."""
    bench.troubles.append(Kind.LATENCY)
    found = trials(wish)
    assert [trial.answer for trial in found] == [
        Answer.RIGHT,
        Answer.OPEN,
        Answer.RIGHT,
        Answer.RIGHT,
    ]
    assert found[1].reason == "Locust ended with exit code 1:"


def test_trouble_with_nothing_ends_it(wish: Wish, bench: Bench) -> None:
    """Where even the service as it is cannot be measured, it ends as a check does."""
    bench.troubles.append(Kind.NOTHING)
    with pytest.raises(LoadError, match="Locust ended"):
        trials(wish)


def test_the_service_is_started_behind_the_proxy(wish: Wish) -> None:
    """All placeholders stay perfgate's to fill in but the port, which is the proxy's to give."""
    start = wish.loaded.config.target.start
    assert shlex.split(start)[-4:] == ["{python}", "-m", "http.server", SERVICE_PORT]
    assert shlex.split(start)[:6] == [
        *("{python}", "-I", "-m", "perfgate.selftest.proxy", "{host}", "{port}")
    ]


def test_a_build_is_served_from_where_it_is(
    wish: Wish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is started in a trial's place serves the files of the build itself."""
    places: list[Path] = []

    def look(_: Rig, asked: Assignment) -> Outcome:
        build = asked.builds["candidate"]
        target = wish.loaded.config.target.model_copy(update={"ready": "/demand.toml"})
        with start_target(build.directory, build.label, target, log=tmp_path / "log") as running:
            running.wait_until_ready()
        places.append(build.directory)
        return Outcome(incidents=(incident(build="base"),))

    monkeypatch.setattr(gate, "run_once", look)
    trials(wish, (Kind.NOTHING,))
    assert len(places) == 1
    assert not places[0].exists()


def test_what_runs_already_gets_no_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no command starts the service nothing can be put before it, and that is told."""
    monkeypatch.chdir(make_project(tmp_path))
    wish = read_wish(None, "default", ".", None, TODAY)
    reached = Target(url="http://127.0.0.1:9000")
    config = wish.loaded.config.model_copy(update={"target": reached})
    with pytest.raises(UsageError, match=r"has no target\.start"):
        behind_proxy(replace(wish, loaded=replace(wish.loaded, config=config)))
