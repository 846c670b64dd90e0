"""The raw record of one load run, read back only if it proves to be complete.

Every arrival of the schedule must stand in it exactly once for every build. What the figures
mean is the measurement's business.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from perfgate.errors import SpoiltError
from perfgate.load.plan import BUILDS, SCHEDULED, Phase
from perfgate.load.rows import COLUMNS, DTYPE, ROW, journal_file, manifest_file

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from perfgate.load.plan import Plan

TIMES = ("intended_s", "started_s", "sent_s", "received_s", "ended_s")
WINDOW_COLUMNS = (
    "phase",
    "build",
    "index",
    "from_s",
    "to_s",
    "cpu_s",
    "wait_s",
    "generator_cpu_s",
    "generator_wait_s",
    "rss_bytes",
    "operation",
    "requests",
)


@dataclass(frozen=True, slots=True)
class Generator:
    """How one process of the load generator fared, from sign-in to its last arrival.

    ``cpu_s`` it used and ``wait_s`` it was ready to run but did not, within ``seconds``;
    ``clock_step_s``: how far real time ran ahead of monotonic time meanwhile; ``files_limit``: the
    most files that it may open; ``steal_s``: CPU seconds that the hypervisor of its machine gave
    away, None where it does not tell; ``unsent``: by build, arrivals that were not sent as too many
    were waiting for that one.
    """

    seconds: float
    cpu_s: float
    wait_s: float
    clock_step_s: float
    open_files: int
    files_limit: int
    steal_s: float | None = None
    unsent: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WarmUp:
    """How long the warm-up took, and the builds that had not settled when its time was up."""

    seconds: float
    unsettled: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Busy:
    """For how long the builds' CPUs were busy with whatever within ``seconds``, in CPU seconds."""

    seconds: float
    busy_s: float


@dataclass(frozen=True, slots=True)
class Charge:
    """The CPU seconds that the load generator saw a build use, from sign-in to the run's end."""

    from_s: float
    to_s: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Calls:
    """When the calls of dependents began, by the run's clock, and how many there were."""

    start_s: float
    calls: int


@dataclass(frozen=True, slots=True, eq=False)
class Journal:
    """Columns of equal length: a row for each arrival, and one for each CPU window.

    A window's ``rss_bytes`` is the memory at its end; its ``operation`` is -1 unless all of its
    requests were of that one, its ``requests`` how many it was for, -1 where that was not fixed.
    """

    rows: dict[str, NDArray[Any]]
    windows: dict[str, NDArray[Any]]
    operations: tuple[str, ...]
    failures: tuple[str, ...]
    sign_in_failures: dict[str, list[str]]
    silent: dict[str, str]
    locked_out: frozenset[str]
    generators: tuple[Generator, ...]
    warmup: WarmUp | None = None
    pairs_busy: Busy | None = None
    saturation_busy: dict[str, Busy] = field(default_factory=dict)
    charged: dict[str, Charge] = field(default_factory=dict)
    slow: dict[str, str] = field(default_factory=dict)
    calls: Calls | None = None


def read_journal(run_dir: Path, plan: Plan, arrivals: int) -> Journal:
    """Read the journals of all workers of a finished run and prove them complete.

    ``arrivals`` is the length of the schedule (0 without one). Raises SpoiltError where a seal does
    not match, the run broke, an arrival is missing or doubled, or a batch of fixed work lacks
    answers, or has too many.
    """
    manifests = [_read_manifest(run_dir, worker) for worker in range(plan.workers)]
    failures = list(dict.fromkeys(name for made in manifests for name in made["failures"]))
    parts = [
        _read_rows(journal_file(run_dir, worker), made, failures)
        for worker, made in enumerate(manifests)
    ]
    rows = np.concatenate(parts)
    ahead_s = manifests[0]["ahead_s"]
    windows = [
        window | {name: window[name] + made["ahead_s"] for name in ("from_s", "to_s")}
        for made in manifests
        for window in made["windows"]
    ]
    journal = Journal(
        rows={name: rows[name] for name in COLUMNS},
        windows={name: np.array([made[name] for made in windows]) for name in WINDOW_COLUMNS},
        operations=plan.operations,
        failures=tuple(failures),
        sign_in_failures={
            build: [text for made in manifests for text in made["sign_in_failures"][build]]
            for build in BUILDS
        },
        silent={k: v for made in manifests for k, v in made.get("silent", {}).items()},
        locked_out=frozenset(name for made in manifests for name in made.get("locked_out", ())),
        generators=tuple(
            Generator(**made["condition"], unsent=made.get("unsent", {})) for made in manifests
        ),
        warmup=_warm_up(manifests[0]),
        pairs_busy=Busy(**manifests[0]["pairs_busy"]) if manifests[0].get("pairs_busy") else None,
        saturation_busy={
            build: Busy(*(sum(own[name] for own in slices) for name in ("seconds", "busy_s")))
            for build, slices in manifests[0].get("saturation_busy", {}).items()
        },
        slow={k: v for made in manifests for k, v in made.get("slow", {}).items()},
        charged={
            build: Charge(told["from_s"] + ahead_s, told["to_s"] + ahead_s, told["cpu_s"])
            for build, told in manifests[0].get("charged", {}).items()
        },
        calls=Calls(**manifests[0]["recovery"]) if manifests[0].get("recovery") else None,
    )
    _prove_batches(journal)
    if plan.recovery and journal.calls:
        _prove_calls(journal.rows, journal.calls.calls)
    elif not journal.slow and reached_open(journal, plan):
        _prove_complete(journal, plan, arrivals)
    return journal


def reached_open(journal: Journal, plan: Plan) -> bool:
    """Tell whether the run came as far as its open loop: nobody was silent or locked out."""
    return not journal.silent and not shut_out(journal, plan)


def shut_out(journal: Journal, plan: Plan) -> tuple[str, ...]:
    """Return the builds at which no identity of some process could sign in."""
    return tuple(host.build for host in plan.hosts if host.build in journal.locked_out)


def known_operations(run_dir: Path) -> dict[str, list[str]]:
    """Return the operations of a finished run's Locust file, with the classes that define each."""
    operations: dict[str, list[str]] = _read_manifest(run_dir, 0)["operations"]
    return operations


def _read_manifest(run_dir: Path, worker: int) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads(manifest_file(run_dir, worker).read_text())
    except (OSError, ValueError) as error:
        raise SpoiltError(
            f"Locust left no readable manifest: {error}",
            hint="Its log says why; keep it with --output.",
        ) from error
    if "broken" in manifest:
        raise SpoiltError(_broken_off(manifest["broken"]), hint=manifest.get("hint", ""))
    return manifest


def _broken_off(why: str) -> str:
    """Return the reason in one line, which is the last one of a traceback, and then all of it."""
    *before, last = why.rstrip().splitlines()
    return "\n".join([f"the load run broke off: {last}", *(why.splitlines() if before else [])])


def _warm_up(manifest: dict[str, Any]) -> WarmUp | None:
    """Return what the first worker tells of the warm-up; nothing where there was none."""
    told = manifest.get("warmup")
    return WarmUp(told["seconds"], tuple(told["unsettled"])) if told else None


def _read_rows(path: Path, manifest: dict[str, Any], failures: list[str]) -> NDArray[Any]:
    """Return a worker's rows by the run's clock, their failures as places in ``failures``."""
    sealed = path.read_bytes() if path.exists() else b""
    if hashlib.sha256(sealed).hexdigest() != manifest["sha256"]:
        raise SpoiltError(f"{path.name} does not match the checksum in its manifest")
    if len(sealed) != manifest["rows"] * ROW.size:
        raise SpoiltError(f"{path.name} holds {len(sealed)} bytes, not {manifest['rows']} rows")
    rows = np.frombuffer(sealed, dtype=DTYPE).copy()
    places = np.array([failures.index(name) for name in manifest["failures"]], dtype=np.uint16)
    rows["failure"] = places[rows["failure"]]
    for name in TIMES:
        rows[name] += manifest["ahead_s"]
    return rows


def _prove_complete(journal: Journal, plan: Plan, arrivals: int) -> None:
    """Raise SpoiltError unless every arrival stands there once for each build."""
    rows = journal.rows
    scheduled = np.isin(rows["phase"], SCHEDULED)
    for host in plan.hosts:
        numbers = rows["number"][scheduled & (rows["build"] == BUILDS.index(host.build))]
        planned = numbers[(numbers >= 0) & (numbers < arrivals)]
        missing = arrivals - np.count_nonzero(np.bincount(planned, minlength=arrivals))
        if missing or len(numbers) != arrivals:
            raise SpoiltError(
                f"{host.build}: of {arrivals} arrivals, {missing} are missing from the "
                f"journal and {len(numbers) - arrivals + missing} are doubled"
            )


def _prove_calls(rows: dict[str, NDArray[Any]], calls: int) -> None:
    """Raise SpoiltError unless every call stands there with all of its attempts, each once."""
    sent = rows["phase"] == Phase.RECOVERY
    number, attempt = rows["number"][sent], rows["attempt"][sent].astype(np.int64)
    order = np.lexsort((attempt, number))
    number, attempt = number[order], attempt[order]
    is_first = np.diff(number, prepend=-1) != 0
    follows = np.where(is_first, attempt == 0, np.diff(attempt, prepend=0) == 1)
    if np.count_nonzero(is_first) != calls or not follows.all():
        raise SpoiltError(
            f"of {calls} calls, {np.count_nonzero(is_first)} are in the journal, "
            f"{np.count_nonzero(~follows)} of their attempts without the one before"
        )


def _prove_batches(journal: Journal) -> None:
    """Raise SpoiltError unless within every window of fixed work all of it was answered."""
    rows, windows = journal.rows, journal.windows
    kinds = {*zip(windows["phase"].tolist(), windows["build"].tolist(), strict=True)}
    for phase, build in sorted(kinds):
        own = (windows["phase"] == phase) & (windows["build"] == build) & (windows["requests"] >= 0)
        ended_s = np.sort(rows["ended_s"][(rows["phase"] == phase) & (rows["build"] == build)])
        until = np.searchsorted(ended_s, windows["to_s"][own], side="right")
        found = until - np.searchsorted(ended_s, windows["from_s"][own])
        for index in np.flatnonzero(found != windows["requests"][own])[:1]:
            raise SpoiltError(
                f"{BUILDS[build]}: of {windows['requests'][own][index]} requests of a batch in the "
                f"{Phase(phase).name.lower()} phase, {found[index]} are in the journal"
            )
