"""How commits of a real repository are built and measured in turn; the sessions are made by hand.

Real ones are measured in tests/scenarios/test_bisect.py.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from builders import Build, demand_run, environment, incident, session
from cli.command_line import CONFIG, LEDGER
from real_repository import Checkout, make_repository

from perfgate import gate
from perfgate.blame import Range, begin, pursue, shaped
from perfgate.config.models import Target
from perfgate.errors import LoadError, TargetError
from perfgate.load.engine import Engine
from perfgate.progress import Silence
from perfgate.rig import Outcome, Rig
from perfgate.verdict.bisection import Bisection
from perfgate.verdict.blame import blame_of
from perfgate.verdict.metric import PRIMARIES
from perfgate.wish import read_wish

if TYPE_CHECKING:
    from perfgate.measurement.models import BuildRole, Incident
    from perfgate.rig import Assignment
    from perfgate.wish import Wish

DESCRIBED = CONFIG.replace("[load]", 'build = "test ! -e broken"\n\n[load]')
SLOWER_FROM, LAST = 5, 8


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """Return a described service with a good commit and eight after it; the fourth is broken."""
    made = make_repository(tmp_path / "auth")
    files = {"perfgate.toml": DESCRIBED, "demand.toml": LEDGER, "callers.py": ""}
    for number in range(LAST + 1):
        if number == 4:
            made.write("broken")
        elif number == 5:
            made.git("rm", "--quiet", "-f", "broken")
        made.commit(f"Version {number}", version=str(number), **files)
    monkeypatch.chdir(made.path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return made


class Bench:
    """Sessions made by hand, by the version that a build's directory holds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.measured: list[int] = []
        self.seeds: list[int] = []
        self.incidents: dict[int, Incident] = {}
        self.spoilt: list[int] = []
        monkeypatch.setattr(gate, "run_once", self.run_once)

    def run_once(self, _: Rig, asked: Assignment) -> Outcome:
        """Return a session in which versions from SLOWER_FROM on are slower by 15 % (log)."""
        version = int((asked.builds["candidate"].directory / "version").read_text())
        self.seeds.append(asked.plan(()).seed)
        if version in self.incidents:
            return Outcome(incidents=(self.incidents[version],))
        if asked.trials:
            demand = demand_run()
            return Outcome(demand.run, demand.trials)
        self.measured.append(version)
        if version in self.spoilt:
            raise LoadError("a worker was lost")
        slower = (0.15 if version >= SLOWER_FROM else 0.0) + len(self.measured) % 3 * 1e-3
        return Outcome(session(Build(cost=slower, capacity=slower)))


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Return the bench on which all sessions are made."""
    return Bench(monkeypatch)


def wish() -> Wish:
    """Return what a search for the commit wishes for."""
    return shaped(read_wish(None, "default", "HEAD", "HEAD", date(2026, 11, 1)), PRIMARIES)


def rig() -> Rig:
    """Return a rig on which nothing is started."""
    return Rig(Target(start="serve"), Engine(Path("callers.py")), None, Path("runs"), Silence())


def searched(most: int | None = None, known: Bisection | None = None) -> Bisection:
    """Return what is known when the search has ended, or after so many of its moments."""
    asked = Range(f"HEAD~{LAST}", "HEAD", PRIMARIES, None)
    known = known or begin(wish(), asked, environment())
    for number, moment in enumerate(pursue(known, wish(), environment(), rig()), 1):
        known = moment
        if number == most:
            break
    return known


def test_the_commit_is_found_past_a_broken_one(checkout: Checkout, bench: Bench) -> None:
    """What cannot be built is skipped without a session, and stays among those left."""
    known = searched()
    suspects = [own.told.partition(" ")[2] for own in blame_of(known).suspects]
    assert suspects == ["Version 4", "Version 5"]
    (skipped,) = [own for own in known.tried if own.unmeasured]
    assert skipped.commit == checkout.git("rev-parse", "HEAD~4")
    assert "ended with exit code 1" in skipped.unmeasured
    assert 4 not in bench.measured
    assert len(checkout.worktrees()) == 1


@pytest.mark.usefixtures("checkout")
def test_a_commit_that_does_not_get_ready_is_skipped(bench: Bench) -> None:
    """What cannot be started is told why, and a neighbour is measured in its place."""
    bench.incidents[5] = incident(build="candidate", kind="unready", text="did not get ready")
    known = searched()
    assert "did not get ready" in {own.unmeasured for own in known.tried}
    assert [own.told.partition(" ")[2] for own in blame_of(known).suspects] == [
        "Version 4",
        "Version 5",
        "Version 6",
    ]


@pytest.mark.usefixtures("checkout")
@pytest.mark.parametrize("role", ["candidate", "base"])
def test_without_good_and_bad_there_is_no_search(bench: Bench, role: BuildRole) -> None:
    """A bad build that cannot be measured ends the search, and so does a good one."""
    bench.incidents[LAST] = incident(build=role, kind="died", text="exited with code 7")
    name = {"candidate": "bad", "base": "good"}[role]
    with pytest.raises(TargetError, match=rf"the {name} build .*exited with code 7"):
        searched()


@pytest.mark.usefixtures("checkout")
def test_a_search_goes_on_where_it_was(bench: Bench) -> None:
    """Law: wherever it is interrupted, what is known is not measured again, nor asked anew."""
    whole = searched()
    made = len(bench.measured)
    for most in (1, 3, 7, made):
        bench.measured.clear()
        bench.seeds.clear()
        before = searched(most)
        after = searched(known=Bisection.model_validate_json(before.to_text()))
        assert [own.commit for own in after.tried] == [own.commit for own in whole.tried]
        assert len(bench.measured) == made
        assert len(set(bench.seeds)) == len(bench.seeds)


@pytest.mark.usefixtures("checkout")
def test_load_that_cannot_be_trusted_decides_nothing(bench: Bench) -> None:
    """Sessions that keep breaking off end the search; what was known before is known still."""
    bench.spoilt = [3]
    known: list[Bisection] = []
    asked = Range(f"HEAD~{LAST}", "HEAD", PRIMARIES, None)
    with pytest.raises(LoadError, match="a worker was lost"):
        known.extend(pursue(begin(wish(), asked, environment()), wish(), environment(), rig()))
    assert [own.sessions for own in known[-1].tried if not own.unmeasured] == [4]


def test_sessions_leave_out_what_is_not_asked(checkout: Checkout) -> None:  # noqa: ARG001 - described there
    """Operations are sent alone only where the cost of one is asked for."""
    plain = wish().loaded.config.profiles["default"]
    assert plain.solo_s == 0.0
    own = shaped(wish(), ("regression:token:p95",)).loaded.config.profiles["default"]
    assert own.solo_s == 0.0
    asked = read_wish(None, "default", "HEAD", "HEAD", date(2026, 11, 1))
    kept = shaped(asked, ("regression:token:cost",)).loaded.config.profiles["default"]
    assert kept.solo_s == asked.loaded.config.profiles["default"].solo_s > 0
