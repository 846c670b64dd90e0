"""Journals, plans and hosts made by hand, every default in one place."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from perfgate.load.journal import Journal
from perfgate.load.plan import BUILDS, Host, Outcome, Phase, Plan

if TYPE_CHECKING:
    from pathlib import Path

OPERATIONS = ("fetch", "login")
BASE, CANDIDATE = range(2)

_ROW: dict[str, tuple[str, Any]] = {
    "number": ("q", 0),
    "phase": ("B", Phase.OPEN),
    "build": ("B", CANDIDATE),
    "operation": ("B", 0),
    "intended_s": ("d", 0.0),
    "started_s": ("d", 0.0),
    "ended_s": ("d", 0.0),
    "outcome": ("B", Outcome.OK),
    "failure": ("H", 0),
    "status": ("H", 200),
    "size_bytes": ("Q", 0),
    "waited": ("B", 0),
}
_WINDOW: dict[str, tuple[str, Any]] = {
    "phase": ("B", Phase.PAIRS),
    "build": ("B", CANDIDATE),
    "index": ("q", 0),
    "from_s": ("d", 0.0),
    "to_s": ("d", 1.0),
    "cpu_s": ("d", 0.0),
    "wait_s": ("d", 0.0),
}

Row = dict[str, Any]


def row(**changes: object) -> Row:
    """Return a good answer to the candidate in the open loop, changed as said.

    Without times of its own it starts when intended and takes 10 ms.
    """
    made = {name: default for name, (_, default) in _ROW.items()} | changes
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
    return {name: default for name, (_, default) in _WINDOW.items()} | changes


def columns(rows: list[Row], kinds: dict[str, tuple[str, Any]]) -> dict[str, Any]:
    """Return rows as columns of the kinds that the journal has."""
    return {
        name: np.array([made[name] for made in rows], dtype=kind)
        for name, (kind, _) in kinds.items()
    }


def journal(rows: list[Row], windows: list[Row] | None = None, **changes: Any) -> Journal:
    """Return a journal of these rows."""
    made: dict[str, Any] = {
        "operations": OPERATIONS,
        "failures": ("", "body is wrong", "HTTPError: 500"),
        "sign_in_failures": {build: [] for build in BUILDS},
        "silent": {},
        "generator_cpu_s": 1.0,
    }
    return Journal(
        rows=columns(rows, _ROW), windows=columns(windows or [], _WINDOW), **made | changes
    )


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


def write_run(run_dir: Path, rows: list[Row], manifest: dict[str, object] | None = None) -> None:
    """Write the files that a load run leaves, the manifest changed as said."""
    stored = columns(rows, _ROW)
    stored |= {f"window_{name}": column for name, column in columns([], _WINDOW).items()}
    with (run_dir / "journal.npz").open("wb") as file:
        np.savez(file, allow_pickle=False, **stored)
    sealed: dict[str, object] = {
        "rows": len(rows),
        "sha256": hashlib.sha256((run_dir / "journal.npz").read_bytes()).hexdigest(),
        "failures": [""],
        "sign_in_failures": {build: [] for build in BUILDS},
        "operations": list(OPERATIONS),
        "generator_cpu_s": 1.0,
    }
    (run_dir / "manifest.json").write_text(json.dumps(sealed | (manifest or {})))
