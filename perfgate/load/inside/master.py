"""The master of a run of several processes: the plan goes out to workers, their journals come in.

It keeps them in step and reads what the builds use, but sends no load itself. Whatever is not
as agreed ends the run, and the manifest says why.
"""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import gevent
from gevent.event import AsyncResult
from locust.runners import STATE_MISSING

from perfgate.load.inside.conductor import meters_of
from perfgate.load.inside.origin import ORIGIN_HINT, difference
from perfgate.load.inside.worker import REPLY, REQUEST, clock_name
from perfgate.load.plan import PLAN_FILE
from perfgate.load.rows import journal_file, manifest_file
from perfgate.procfs import busy_s

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from locust.runners import MasterRunner

    from perfgate.load.inside.seal import Seal
    from perfgate.load.plan import Plan

# From the last worker's coming to the moment all begin: for the answers to reach them.
LEAD_S = 0.1
WATCH_S = 0.25
COMING_S = 60.0

KEY_HINT = "Every machine needs the same PERFGATE_KEY; or else a stranger reaches the port."
SURPLUS_HINT = "End `perfgate worker` where it is not wanted, or raise expect_workers in [load]."
ABSENCE_HINT = (
    "Each runs `perfgate worker --master ADDRESS`, where [load] bind and port tell it to."
)


@dataclass(slots=True)
class _Member:
    """A worker that has introduced itself."""

    worker: int
    delivered: bool = False


class Master:
    """The other end of every :class:`perfgate.load.inside.worker.Worker` of the run."""

    def __init__(
        self,
        runner: MasterRunner,
        seal: Seal,
        plan: Plan,
        run_dir: Path,
        origin: Mapping[str, str],
    ) -> None:
        self._runner, self._seal, self._plan, self._run_dir = runner, seal, plan, run_dir
        self._origin = origin
        self._run = secrets.token_hex(16)
        self._numbers: dict[str, int] = {}
        self._members: dict[str, _Member] = {}
        self._meetings: dict[str, tuple[set[str], AsyncResult]] = {}
        self._meters = meters_of(plan.hosts)
        self._broken = ""
        self._answers: dict[str, Callable[..., Any]] = {
            "run": self._tell_run,
            "hello": self._hello,
            "clock": self._clock,
            "meet": self._meet,
            "usage": self._usage,
            "busy": self._busy,
            "rows": self._rows,
            "manifest": self._manifest,
        }
        runner.register_message(REQUEST, self._on_request, concurrent=True)
        runner.environment.events.worker_connect.add_listener(self._on_connect)  # type: ignore[no-untyped-call] # Locust's is not annotated
        for name in runner.clients:
            self._on_connect(name)
        gevent.spawn(self._watch)

    def _on_connect(self, client_id: str, **_: Any) -> None:
        """Refuse one worker too many: Locust would end the work of another to give it some."""
        present = [
            name for name, client in self._runner.clients.items() if client.state != STATE_MISSING
        ]
        self._refuse_surplus([*present, client_id])

    def _refuse_surplus(self, present: Iterable[str]) -> None:
        names = sorted(set(present))
        if len(names) > self._plan.workers:
            came = f"{len(names)} workers came instead of {self._plan.workers}"
            self._break_off(f"{came}: {', '.join(names)}", SURPLUS_HINT)

    def _on_request(self, msg: Any, **_: Any) -> None:
        content = self._seal.open(REQUEST, msg.data)
        if content is None:
            why = f"a message of {msg.node_id!r} was not sealed with this run's key"
            self._break_off(why, KEY_HINT)
            return
        answer, refusal = None, self._refusal(content)
        if not refusal:
            given = {k: v for k, v in content.items() if k not in ("run", "number", "what", "from")}
            answer = self._answers[content["what"]](content["from"], **given)
        reply = {
            "to": content["from"],
            "number": content["number"],
            "answer": answer,
            "broken": refusal or self._broken,
        }
        self._runner.send_message(REPLY, self._seal.close(REPLY, reply), client_id=content["from"])

    def _refusal(self, content: dict[str, Any]) -> str:
        """Return why a sealed message is not answered, nothing if it is.

        One of an earlier run does no harm to this one; one that comes twice is a stranger's doing.
        """
        name, number = content["from"], content["number"]
        if content["what"] != "run":
            if content["run"] != self._run:
                return "the master has begun another run"
            if number <= self._numbers.get(name, 0):
                self._break_off(f"a message of {name!r} came a second time")
            self._numbers[name] = number
        return self._broken

    def _tell_run(self, _name: str) -> str:
        return self._run

    def _hello(self, name: str, **theirs: str) -> dict[str, Any] | None:
        self._refuse_surplus([*self._members, name])
        if told := difference(theirs, self._origin):
            self._break_off(f"worker {name!r} {told}", ORIGIN_HINT)
        if self._broken:
            return None
        self._members[name] = _Member(worker=len(self._members))
        schedule = self._run_dir / self._plan.schedule if self._plan.schedule else None
        return {
            "worker": self._members[name].worker,
            "workers": self._plan.workers,
            "plan": (self._run_dir / PLAN_FILE).read_text(),
            "schedule": schedule.read_bytes() if schedule else b"",
            "clock": clock_name(),
        }

    def _clock(self, _name: str) -> float:
        return time.monotonic()

    def _meet(self, name: str, stage: str) -> float | None:
        came, moment = self._meetings.setdefault(stage, (set(), AsyncResult()))
        came.add(name)
        if any(member.delivered for member in self._members.values()):
            self._part()
        if len(came) == self._plan.workers:
            moment.set(time.monotonic() + LEAD_S)
        told_s: float | None = moment.get()
        return told_s

    def _usage(self, _name: str, build: str) -> dict[str, float]:
        return asdict(self._meters[build].read())

    def _busy(self, _name: str, build: str) -> float | None:
        return next(busy_s(host.pid) for host in self._plan.hosts if host.build == build)

    def _rows(self, name: str, chunk: bytes) -> None:
        with journal_file(self._run_dir, self._members[name].worker).open("ab") as journal:
            journal.write(chunk)

    def _manifest(self, name: str, text: str) -> None:
        member = self._members[name]
        manifest_file(self._run_dir, member.worker).write_text(text)
        member.delivered = True
        self._part()

    def _part(self) -> None:
        """Let nobody wait any longer for workers that will not come."""
        for came, moment in self._meetings.values():
            if len(came) < self._plan.workers and not moment.ready():
                moment.set(None)

    def _break_off(self, why: str, hint: str = "") -> None:
        """Give the run up; the first reason is the one that is told."""
        if not self._broken:
            self._broken = why
            told = json.dumps({"broken": why, "hint": hint})
            manifest_file(self._run_dir, 0).write_text(told)
            self._part()

    def _watch(self) -> None:
        """End Locust once all have delivered, or the run is given up."""
        late_s = time.monotonic() + COMING_S
        while not self._broken and not self._complete():
            gevent.sleep(WATCH_S)
            for name, member in self._members.items():
                client = self._runner.clients.get(name)
                gone = client is None or client.state == STATE_MISSING
                if gone and not member.delivered:
                    self._break_off(f"worker {member.worker} ({name!r}) was lost")
            if len(self._members) < self._plan.workers and time.monotonic() > late_s:
                came = f"{len(self._members)} of {self._plan.workers} workers"
                self._break_off(f"only {came} came within {COMING_S:.0f} s", ABSENCE_HINT)
        # Locust would go on waiting for those that have not come.
        if options := self._runner.environment.parsed_options:
            options.expect_workers = 0
        self._runner.quit()

    def _complete(self) -> bool:
        members = self._members.values()
        return len(members) == self._plan.workers and all(own.delivered for own in members)
