"""One load run on fresh processes, from start to stop: what comes of it, and what is left."""

from __future__ import annotations

import math
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from load.mischief import CROWDED, burners
from load.runs import PLAIN, SERVER, processes_in, steady, write_locustfile
from load.tiny_server import EXIT_CODE

import perfgate
from perfgate.analysis.change import primary_slowdowns
from perfgate.build.provide import Build
from perfgate.config.models import Target
from perfgate.errors import LoadError, TargetError
from perfgate.exitcodes import ExitCode
from perfgate.load.engine import Engine
from perfgate.load.plan import Host, Open, Pairs, Plan, Saturation, Solo
from perfgate.progress import Silence
from perfgate.rig import MOMENTS, Assignment, Outcome, Rig, run_once

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perfgate.measurement.models import BuildRole

pytestmark = pytest.mark.slow

AUTH_LOCUSTFILE = Path(perfgate.__file__).parent.parent / "locustfiles" / "auth.py"
AUTH_MIX = {"introspect": 6.0, "token": 2.0, "jwks": 1.0, "refresh": 1.0, "login": 0.1}
FETCH = {"fetch": 1.0}
RATE_RPS, OPEN_S = 40.0, 1.5


class Told:
    """A progress that remembers what it has heard."""

    def __init__(self) -> None:
        self.stages: list[str] = []
        self.ticks = 0

    def stage(self, what: str, expected_s: float) -> None:
        """Remember a stage."""
        assert expected_s > 0
        self.stages.append(what)

    def learned(self, what: str) -> None:
        """Hear nothing: a single run has nothing to tell."""
        raise AssertionError(what)

    def tick(self) -> None:
        """Count."""
        self.ticks += 1


# A build's own program: the tiny server with the options that are this build's.
SERVICE = """
import runpy, sys
sys.argv += {options!r}
runpy.run_path({server!r}, run_name="__main__")
"""


def build(directory: Path, name: str = "build", *options: str) -> Build:
    """Return a build in a directory of its own: the tiny server with these options."""
    own = directory / name
    own.mkdir(exist_ok=True)
    text = SERVICE.format(options=list(options), server=str(SERVER))
    (own / "service.py").write_text(text)
    return Build(name, own, None, dirty=False, label=name)


def rig(directory: Path, engine: Engine, start: str, **changes: Any) -> Rig:
    """Return a rig for a target with this start command."""
    target = Target.model_validate({"start": start, "ready_timeout_s": 20.0} | changes)
    return Rig(target, engine, None, directory / "runs", Told())


def tiny_rig(directory: Path, locustfile: str = PLAIN) -> Rig:
    """Return a rig for the tiny server."""
    engine = write_locustfile(directory, locustfile)
    return rig(directory, engine, "{python} -I -S service.py --port {port}", ready="/seen")


def assignment(
    builds: Mapping[BuildRole, Build], mix: dict[str, float], trials: int = 0, **changes: Any
) -> Assignment:
    """Return an assignment of an open loop only, the plan changed as said."""

    def plan(hosts: tuple[Host, ...]) -> Plan:
        made: dict[str, Any] = {
            "seed": 3,
            "hosts": hosts,
            "mix": mix,
            "identities": 8,
            "warmup_requests": 0,
            "saturation": None,
            "open": Open("schedule.npz", 2.0, 500),
            "pairs": None,
        }
        return Plan(**made | changes)

    schedule = steady(RATE_RPS, OPEN_S, mix)
    return Assignment(
        "session 1", builds, plan, schedule, RATE_RPS, OPEN_S, expected_s=8.0, trials=trials
    )


def alone(rigged: Rig, directory: Path, *options: str, **changes: Any) -> Outcome:
    """Run the candidate alone, a tiny server with these options; nothing of it is left."""
    candidate = build(directory, "build", *options)
    try:
        return run_once(rigged, assignment({"candidate": candidate}, FETCH, **changes))
    finally:
        assert processes_in(candidate.directory) == []


def test_two_auth_services_side_by_side(tmp_path: Path) -> None:
    """Law: both builds are started, loaded alike, measured and stopped; all is accounted for."""
    command = "{python} -m perfgate.demo --port {port} --data-dir {data_dir}"
    rigged = rig(tmp_path, Engine(AUTH_LOCUSTFILE), command)
    builds: dict[BuildRole, Build] = {
        "candidate": build(tmp_path, "candidate"),
        "base": build(tmp_path, "base"),
    }
    phases = {
        "warmup_requests": 40,
        "saturation": Saturation(slices=2, slice_s=0.4, ramp_s=0.1, concurrency=8),
        "pairs": Pairs(pairs=4, requests=8, concurrency=4),
        "solo": Solo(pairs=4, requests=2, seconds=5.0),
    }
    outcome = run_once(rigged, assignment(builds, AUTH_MIX, trials=2, **phases))
    assert outcome.run is not None, outcome.incidents

    assert outcome.incidents == ()
    assert list(outcome.run.builds) == ["base", "candidate"]
    for figures in outcome.run.builds.values():
        assert figures.open.arrivals == figures.open.good == round(RATE_RPS * OPEN_S)
        assert not any(found.classes for found in figures.failures.values())
        assert (len(figures.saturation.cpu_s), len(figures.pairs.cpu_s)) == (2, 4)
        assert set(figures.pairs.good) == {8}
        assert set(figures.solo) == set(AUTH_MIX)
        assert min(min(own.cpu_s) for own in figures.solo.values()) > 0
        assert min(figures.pairs.rss_bytes) > 10 << 20
        assert min(figures.saturation.good) > 0
        assert figures.open_cpu_s > 0
        assert figures.peak_rss_bytes > 10 << 20
    assert sum(trial.arrivals for trial in outcome.trials) == round(RATE_RPS * OPEN_S)
    assert set(outcome.in_flight) <= set(AUTH_MIX)
    assert {len(counts) for counts in outcome.in_flight.values()} == {2 * MOMENTS + 1}
    assert outcome.run.validity.seconds > OPEN_S
    assert outcome.run.validity.generator_cpu_ratio > 0
    assert isinstance(rigged.progress, Told)
    assert rigged.progress.stages == ["session 1"]
    assert rigged.progress.ticks > 2
    assert processes_in(tmp_path / "candidate") == processes_in(tmp_path / "base") == []


FLOW = """
class Visitor({kind}):
    def on_start(self):
        number = self.perfgate_identity
        user = {{"username": f"user-{{number:03d}}", "password": f"open-sesame-{{number % 4}}"}}
        self.tokens = self.ask("/token", grant_type="password", scope="profile", **user)

    def ask(self, path, right=lambda body: True, client="web-app", **form):
        auth = (client, f"{{client}}-secret")
        with self.client.post(path, data=form, auth=auth, catch_response=True) as answer:
            if answer.status_code != 200 or not right(answer.json()):
                answer.failure(f"{{path}} answers {{answer.text}}")
            return answer.json()

    def tell(self, expected, token):
        right = lambda body: body["active"] is expected
        self.ask("/introspect", right, "gateway", token=token)

    @task
    def visit(self):
        spent = self.tokens["refresh_token"]
        self.tokens = self.ask("/token", grant_type="refresh_token", refresh_token=spent)
        token = self.tokens["access_token"]
        self.tell(True, token)
        self.ask("/revoke", token=token)
        self.tell(False, token)
"""


@pytest.mark.nightly
@pytest.mark.parametrize("kind", ["FastHttpUser", "HttpUser"])
def test_a_flow_of_several_requests(tmp_path: Path, kind: str) -> None:
    """Law: a user that has logged in may refresh, look, revoke and look again, in one task."""
    command = "{python} -m perfgate.demo --port {port} --data-dir {data_dir}"
    engine = write_locustfile(tmp_path, FLOW.format(kind=kind))
    asked = assignment({"candidate": build(tmp_path)}, {"visit": 1.0})
    outcome = run_once(rig(tmp_path, engine, command), asked)
    assert outcome.run is not None, outcome.incidents
    figures = outcome.run.builds["candidate"]

    assert figures.failures["visit"].classes == {}
    assert figures.open.arrivals == figures.open.good == round(RATE_RPS * OPEN_S)


@pytest.mark.parametrize(
    ("then", "text"),
    [
        ("exit", f"exited with code {EXIT_CODE} under load"),
        ("killed", "was killed by signal 9 under load"),
    ],
)
def test_a_target_that_dies_under_load(tmp_path: Path, then: str, text: str) -> None:
    """Law: a death under load ends the run as one incident, which says how, with the log's end."""
    outcome = alone(tiny_rig(tmp_path), tmp_path, "--at", "20", "--then", then)
    (incident,) = outcome.incidents

    assert outcome.run is None
    assert (incident.build, incident.kind, incident.text) == ("candidate", "died", text)
    assert incident.stage == "session 1"
    assert ("out of file descriptors" in incident.log) == (then == "exit")


def test_a_process_that_ends_under_load_is_counted(tmp_path: Path) -> None:
    """Law: a target that loses a process but serves on ends no run: the run tells how many."""
    outcome = alone(tiny_rig(tmp_path), tmp_path, "--at", "20", "--then", "lose")

    assert outcome.incidents == ()
    assert outcome.run is not None
    assert outcome.run.builds["candidate"].lost == 1


def test_a_daemon_is_charged_like_any_process(tmp_path: Path) -> None:
    """Law: a server that left its tree before it was ready costs what it costs beside it.

    Its work is not taken for that of strangers.
    """
    builds: dict[BuildRole, Build] = {
        "candidate": build(tmp_path, "candidate", "--habit", "threads", "--daemon"),
        "base": build(tmp_path, "base", "--habit", "threads"),
    }
    pairs = Pairs(pairs=16, requests=16, concurrency=4)
    outcome = run_once(tiny_rig(tmp_path), assignment(builds, FETCH, pairs=pairs))
    assert outcome.run is not None, outcome.incidents
    own, base = (outcome.run.builds[role] for role in ("candidate", "base"))

    assert 0.5 < sum(own.pairs.cpu_s) / sum(base.pairs.cpu_s) < 2.0
    assert 0.5 < own.open_cpu_s / base.open_cpu_s < 2.0
    assert not [words for words in outcome.run.validity.faults if "left its process tree" in words]


def test_work_in_a_process_that_hides_is_a_fault(tmp_path: Path) -> None:
    """Law: where a process leaves the tree under load and works on, the run cannot be trusted."""
    outcome = alone(tiny_rig(tmp_path), tmp_path, "--at", "20", "--then", "hide")
    assert outcome.run is not None, outcome.incidents

    (fault,) = (words for words in outcome.run.validity.faults if "left its process tree" in words)
    assert fault.startswith("the candidate used ")


@pytest.mark.skipif(len(os.sched_getaffinity(0)) == 1, reason="needs a CPU to stray to")
def test_a_build_that_leaves_its_cpu_is_a_fault(tmp_path: Path) -> None:
    """Law: a run in which a build takes more CPUs than it was given is not to be trusted."""
    cpu, *_ = sorted(os.sched_getaffinity(0))
    candidate = build(tmp_path)
    program = candidate.directory / "service.py"
    spread = "import os\nos.sched_setaffinity(0, range(os.cpu_count()))\n"
    program.write_text(spread + program.read_text())
    rigged = replace(tiny_rig(tmp_path), target_cpu=cpu)
    outcome = run_once(rigged, assignment({"candidate": candidate}, FETCH))
    assert outcome.run is not None, outcome.incidents

    assert [words for words in outcome.run.validity.faults if "the candidate let itself" in words]


def test_the_build_that_died_is_named(tmp_path: Path) -> None:
    """Law: where one of two builds dies, the incident is that one's, and both are stopped."""
    builds: dict[BuildRole, Build] = {
        "candidate": build(tmp_path, "candidate"),
        "base": build(tmp_path, "base", "--at", "20", "--then", "exit"),
    }
    outcome = run_once(tiny_rig(tmp_path), assignment(builds, FETCH))

    assert [incident.build for incident in outcome.incidents] == ["base"]
    assert processes_in(tmp_path / "base") == processes_in(tmp_path / "candidate") == []


def test_a_death_that_takes_the_load_along(tmp_path: Path) -> None:
    """Law: where a Locust file cannot bear its target's death, the death is what is told."""
    locustfile = PLAIN.replace("self.client.get", "answer = self.client.get")
    locustfile += "        if not answer.status_code: os._exit(9)\n"
    outcome = alone(tiny_rig(tmp_path, locustfile), tmp_path, "--at", "20", "--then", "exit")

    assert [incident.kind for incident in outcome.incidents] == ["died"]


def test_a_target_that_lets_nobody_in(tmp_path: Path) -> None:
    """Law: where no user can sign in the run is an incident that says why."""
    locustfile = PLAIN + '    def on_start(self): self.client.get("/error")\n'
    outcome = alone(tiny_rig(tmp_path, locustfile), tmp_path)
    (incident,) = outcome.incidents

    assert outcome.run is None
    assert (incident.build, incident.kind) == ("candidate", "locked out")
    assert incident.text.startswith("let 8 of 8 users not sign in: LocustBadStatusCode")


def test_a_target_that_falls_silent(tmp_path: Path) -> None:
    """Law: where the warm-up gets no answer the run is an incident that says for how long."""
    rigged = tiny_rig(tmp_path, PLAIN.replace("/ok", "/never"))
    outcome = alone(rigged, tmp_path, warmup_requests=4, silence_s=0.4)
    (incident,) = outcome.incidents

    assert outcome.run is None
    assert (incident.build, incident.kind) == ("candidate", "silent")
    assert incident.text == "stopped answering: no answer for 0.4 s in the warmup phase"


@pytest.mark.parametrize("role", ["candidate", "base"])
def test_a_build_that_is_far_too_slow(tmp_path: Path, role: BuildRole) -> None:
    """Law: where one build alone makes a run longer than it may be, that is an incident of its."""
    habits: dict[BuildRole, tuple[str, ...]] = {role: ("--habit", "crawl")}
    builds: dict[BuildRole, Build] = {
        "candidate": build(tmp_path, "candidate", *habits.get("candidate", ())),
        "base": build(tmp_path, "base", *habits.get("base", ())),
    }
    phases: dict[str, Any] = {"open": None, "pairs": Pairs(pairs=40, requests=8, concurrency=4)}
    assigned = replace(assignment(builds, FETCH, **phases), expected_s=1.0)
    outcome = run_once(tiny_rig(tmp_path), assigned)
    (incident,) = outcome.incidents

    assert outcome.run is None
    assert (incident.build, incident.kind) == (role, "slow")
    assert incident.text.startswith("was so slow that the run could not be finished: its answers")
    assert incident.text.endswith(" s (pairs phase)")
    assert processes_in(tmp_path / "base") == processes_in(tmp_path / "candidate") == []


def test_two_builds_that_are_slow_are_measured(tmp_path: Path) -> None:
    """Law: where both are slow no build is named: it may be the machine."""
    builds: dict[BuildRole, Build] = {
        "candidate": build(tmp_path, "candidate", "--habit", "crawl"),
        "base": build(tmp_path, "base", "--habit", "crawl"),
    }
    pairs = Pairs(pairs=4, requests=4, concurrency=4)
    assigned = replace(assignment(builds, FETCH, pairs=pairs), expected_s=0.1)
    outcome = run_once(tiny_rig(tmp_path), assigned)

    assert outcome.incidents == ()
    assert outcome.run is not None
    assert len(outcome.run.builds["candidate"].pairs.wall_s) == 4


def test_a_stranger_on_the_port(tmp_path: Path) -> None:
    """Law: where another process has come to listen on a target's port, nothing is judged."""
    intruder = """
import socket
class Caller(FastHttpUser):
    def on_start(self):
        port = int(self.host.rpartition(":")[2])
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.listener.bind(("127.0.0.1", port))
        self.listener.listen()
    @task
    def fetch(self):
        self.client.get("/ok")
"""
    with pytest.raises(LoadError, match="is held by a process that is not the target's") as caught:
        alone(tiny_rig(tmp_path, intruder), tmp_path, "--shared", identities=1, silence_s=2.0)
    assert caught.value.exit_code is ExitCode.UNDECIDED


def test_load_that_cannot_be_run_is_no_incident(tmp_path: Path) -> None:
    """Law: a broken Locust file is not the target's fault: an error, and the target is stopped."""
    with pytest.raises(LoadError, match="SyntaxError"):
        alone(tiny_rig(tmp_path, "class Caller(:"), tmp_path)


def test_a_target_that_never_gets_ready(tmp_path: Path) -> None:
    """Law: without a target there is no load run; the error is the target's."""
    with pytest.raises(TargetError, match="exited with code 2"):
        alone(tiny_rig(tmp_path), tmp_path, "--unknown-option")

    assert not list((tmp_path / "runs").rglob("journal-0.bin"))


@pytest.mark.parametrize("role", ["candidate", "base"])
def test_a_build_that_alone_does_not_get_ready(tmp_path: Path, role: BuildRole) -> None:
    """Law: where the other build gets ready, one that does not is an incident that says why."""
    faults: dict[BuildRole, tuple[str, ...]] = {role: ("--unknown-option",)}
    builds: dict[BuildRole, Build] = {
        "candidate": build(tmp_path, "candidate", *faults.get("candidate", ())),
        "base": build(tmp_path, "base", *faults.get("base", ())),
    }
    outcome = run_once(tiny_rig(tmp_path), assignment(builds, FETCH))
    (incident,) = outcome.incidents

    assert (incident.build, incident.kind) == (role, "unready")
    other = "base" if role == "candidate" else "candidate"
    assert incident.text == (
        f"did not get ready, though the {other} did: the process exited with code 2 before it was "
        "ready"
    )
    assert "unrecognized arguments" in incident.log[-1]
    assert processes_in(tmp_path / "base") == processes_in(tmp_path / "candidate") == []


# It is ready at its second start.
LATE_ONCE = """
import pathlib, time
tried = pathlib.Path("tried")
if not tried.exists():
    tried.touch()
    time.sleep(60)
"""
NEVER = "import time; time.sleep(60)"


def late(directory: Path, prelude: str, role: BuildRole) -> Outcome:
    """Run two builds of which one begins with this; they have three seconds to get ready."""
    rigged = tiny_rig(directory)
    target = rigged.target.model_copy(update={"ready_timeout_s": 3.0})
    builds: dict[BuildRole, Build] = {
        "candidate": build(directory, "candidate"),
        "base": build(directory, "base"),
    }
    program = builds[role].directory / "service.py"
    program.write_text(prelude + program.read_text())
    quiet = replace(rigged, target=target, progress=Silence())
    return run_once(quiet, assignment(builds, FETCH))


def test_a_build_that_is_late_once_is_started_again(tmp_path: Path) -> None:
    """Law: one start that takes too long is no verdict on a build."""
    outcome = late(tmp_path, LATE_ONCE, "candidate")
    assert outcome.incidents == ()
    assert outcome.run is not None


def test_a_build_that_is_late_twice_is_to_blame(tmp_path: Path) -> None:
    """Law: where the other gets ready and one is late again, that is an incident."""
    (incident,) = late(tmp_path, NEVER, "base").incidents
    assert (incident.build, incident.kind) == ("base", "unready")
    assert "not ready within 3 s" in incident.text
    assert processes_in(tmp_path / "base") == processes_in(tmp_path / "candidate") == []


def test_a_witness_tells_who_is_to_blame(tmp_path: Path) -> None:
    """Law: a candidate alone that does not get ready is to blame where the base beside it does."""
    candidate = build(tmp_path, "candidate", "--unknown-option")
    assigned = assignment({"candidate": candidate}, FETCH)
    good, bad = build(tmp_path, "good"), build(tmp_path, "bad", "--unknown-option")
    outcome = run_once(tiny_rig(tmp_path), replace(assigned, witness=good))

    assert [(own.build, own.kind) for own in outcome.incidents] == [("candidate", "unready")]
    with pytest.raises(TargetError, match="candidate: the process exited with code 2"):
        run_once(tiny_rig(tmp_path), replace(assigned, witness=bad))
    assert processes_in(tmp_path / "good") == processes_in(tmp_path / "bad") == []


def test_runs_are_kept_in_their_order(tmp_path: Path) -> None:
    """Law: each run has a directory of its own, with journal and logs, named in order."""
    rigged = tiny_rig(tmp_path)
    for _ in range(2):
        assert alone(rigged, tmp_path).run is not None
    kept = sorted((tmp_path / "runs").iterdir())

    assert [directory.name for directory in kept] == ["00-session-1", "01-session-1"]
    for directory in kept:
        names = {file.name for file in directory.iterdir()}
        assert {"plan.json", "schedule.npz", "journal-0.bin", "manifest-0.json"} <= names
        assert {"candidate.log", "locust.log"} <= names
        assert re.search("exit code 0", (directory / "locust.log").read_text())


@pytest.mark.skipif(len(os.sched_getaffinity(0)) == 1, reason="needs a CPU for the generator")
def test_burners_beside_the_generator(tmp_path: Path) -> None:
    """Law: strangers on the generator's CPU change what is told of equal builds by 5 % at most.

    A run that they disturb too much is not trusted, and says that they kept the generator from its
    CPU or made it late: nothing else, but for what the hypervisor takes of the machine.
    """
    target_cpu, *others = sorted(os.sched_getaffinity(0))
    command = "{python} -m perfgate.demo --port {port} --data-dir {data_dir}"
    engine = Engine(AUTH_LOCUSTFILE, tuple(others))
    rigged = replace(rig(tmp_path, engine, command), target_cpu=target_cpu)
    builds: dict[BuildRole, Build] = {
        "candidate": build(tmp_path, "candidate"),
        "base": build(tmp_path, "base"),
    }
    pairs = Pairs(pairs=60, requests=16, concurrency=8)
    phases: dict[str, Any] = {"warmup_requests": 200, "pairs": pairs}
    with burners(others, 2):
        outcomes = [run_once(rigged, assignment(builds, AUTH_MIX, **phases)) for _ in range(2)]
    runs = [outcome.run for outcome in outcomes if outcome.run is not None]

    assert len(runs) == 2
    for fault in (fault for run in runs for fault in run.validity.faults):
        assert CROWDED.search(fault) or "the hypervisor took" in fault, fault
    trusted = [run for run in runs if not run.validity.faults]
    for slowdown in primary_slowdowns(trusted).values() if trusted else ():
        assert abs(slowdown.mean()) < math.log(1.05)
