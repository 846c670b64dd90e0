"""Journals, plans and hosts made by hand, every default in one place."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from perfgate.load.journal import WINDOW_COLUMNS, Generator, Journal
from perfgate.load.plan import BUILDS, Host, Outcome, Phase, Plan
from perfgate.load.rows import COLUMNS, DTYPE, ROW, journal_file, manifest_file

if TYPE_CHECKING:
    from pathlib import Path

OPERATIONS = ("fetch", "login")
BASE, CANDIDATE = range(2)

_NAN = float("nan")
_ROW: dict[str, Any] = {
    "number": 0,
    "phase": Phase.OPEN,
    "build": CANDIDATE,
    "operation": 0,
    "outcome": Outcome.OK,
    "waited": 0,
    "failure": 0,
    "status": 200,
    "intended_s": 0.0,
    "started_s": 0.0,
    "sent_s": _NAN,
    "received_s": _NAN,
    "ended_s": 0.0,
    "size_bytes": 0,
    "connects": 0,
    "redirects": 0,
    "attempt": 0,
    "caller": 0,
}
_WINDOW: dict[str, Any] = {
    "phase": Phase.PAIRS,
    "build": CANDIDATE,
    "index": 0,
    "from_s": 0.0,
    "to_s": 1.0,
    "cpu_s": 0.0,
    "wait_s": 0.0,
    "generator_cpu_s": 0.0,
    "generator_wait_s": 0.0,
    "rss_bytes": 0,
    "operation": -1,
    "requests": -1,
}
GENERATOR = Generator(
    seconds=20.0, cpu_s=1.0, wait_s=0.1, clock_step_s=0.0, open_files=30, files_limit=1024
)

Row = dict[str, Any]


def row(**changes: object) -> Row:
    """Return a good answer to the candidate in the open loop, changed as said.

    Without times of its own it starts when intended and takes 10 ms.
    """
    made = _ROW | changes
    if "started_s" not in changes:
        made["started_s"] = made["intended_s"]
    if "ended_s" not in changes:
        made["ended_s"] = made["started_s"] + 0.01
    return made


def failed(**changes: object) -> Row:
    """Return an answer that was wrong in the way of the first failure class."""
    return row(**{"outcome": Outcome.FAILED, "failure": 1} | changes)


def censored(**changes: object) -> Row:
    """Return an arrival that had no answer in the end."""
    return row(**{"outcome": Outcome.CENSORED, "ended_s": float("nan"), "status": 0} | changes)


def window(**changes: object) -> Row:
    """Return the candidate's first window of the pairs, one second long, changed as said."""
    return _WINDOW | changes


def journal(rows: list[Row], windows: list[Row] | None = None, **changes: Any) -> Journal:
    """Return a journal of these rows."""
    made: dict[str, Any] = {
        "operations": OPERATIONS,
        "failures": ("", "body is wrong", "HTTPError: 500"),
        "sign_in_failures": {build: [] for build in BUILDS},
        "silent": {},
        "locked_out": frozenset(),
        "generators": (GENERATOR,),
    }
    stored = np.frombuffer(packed(rows), DTYPE)
    return Journal(
        rows={name: stored[name] for name in COLUMNS},
        windows={name: np.array([one[name] for one in windows or []]) for name in WINDOW_COLUMNS},
        **made | changes,
    )


def packed(rows: list[Row]) -> bytes:
    """Return rows as the journal's file has them."""
    return b"".join(ROW.pack(*(made[name] for name in COLUMNS)) for made in rows)


def plan(**changes: Any) -> Plan:
    """Return a plan for the candidate alone and without any phase, changed as said."""
    made: dict[str, Any] = {
        "seed": 7,
        "hosts": (Host("candidate", "http://127.0.0.1:9", 1),),
        "mix": dict.fromkeys(OPERATIONS, 1.0),
        "identities": 4,
        "warmup_requests": 0,
        "saturation": None,
        "open": None,
        "pairs": None,
    }
    return Plan(**made | changes)


def both_hosts() -> tuple[Host, Host]:
    """Return hosts for base and candidate."""
    return Host("base", "http://127.0.0.1:8", 1), Host("candidate", "http://127.0.0.1:9", 1)


def write_run(
    run_dir: Path, rows: list[Row], manifest: dict[str, object] | None = None, worker: int = 0
) -> None:
    """Write the files that one worker of a load run leaves, the manifest changed as said."""
    stored = packed(rows)
    journal_file(run_dir, worker).write_bytes(stored)
    condition = asdict(GENERATOR)
    unsent = condition.pop("unsent")
    sealed: dict[str, object] = {
        "rows": len(rows),
        "sha256": hashlib.sha256(stored).hexdigest(),
        "windows": [],
        "failures": ["", "body is wrong"],
        "sign_in_failures": {build: [] for build in BUILDS},
        "operations": {name: ["Caller"] for name in OPERATIONS},
        "ahead_s": 0.0,
        "condition": condition,
        "unsent": unsent,
    }
    manifest_file(run_dir, worker).write_text(json.dumps(sealed | (manifest or {})))
