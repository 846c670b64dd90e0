"""The raw record of one load run, read back only if it proves to be complete.

Every arrival of the schedule must stand in it exactly once for every build. What the figures
mean is the measurement's business.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from perfgate.errors import LoadError
from perfgate.load.plan import BUILDS, Phase

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from perfgate.load.plan import Plan

_WINDOW = "window_"


@dataclass(frozen=True, slots=True, eq=False)
class Journal:
    """Columns of equal length: a row for each arrival, and one for each CPU window."""

    rows: dict[str, NDArray[Any]]
    windows: dict[str, NDArray[Any]]
    operations: tuple[str, ...]
    failures: tuple[str, ...]
    sign_in_failures: dict[str, list[str]]
    silent: dict[str, str]
    generator_cpu_s: float


def read_journal(run_dir: Path, plan: Plan, arrivals: int) -> Journal:
    """Read the journal of a finished run and prove it complete.

    ``arrivals`` is the length of the schedule (0 without one). Raises LoadError where the seal
    does not match, the run broke, or an arrival is missing or doubled.
    """
    manifest = _read_manifest(run_dir)
    rows, windows = _read_columns(run_dir / "journal.npz", manifest)
    journal = Journal(
        rows=rows,
        windows=windows,
        operations=plan.operations,
        failures=tuple(manifest["failures"]),
        sign_in_failures=manifest["sign_in_failures"],
        silent=manifest.get("silent", {}),
        generator_cpu_s=manifest["generator_cpu_s"],
    )
    if reached_open(journal, plan):
        _prove_complete(journal, plan, arrivals)
    return journal


def reached_open(journal: Journal, plan: Plan) -> bool:
    """Tell whether the run came as far as its open loop: nobody was silent or locked out."""
    return not journal.silent and not shut_out(journal, plan)


def shut_out(journal: Journal, plan: Plan) -> tuple[str, ...]:
    """Return the builds at which no identity at all could sign in."""
    return tuple(
        host.build
        for host in plan.hosts
        if len(journal.sign_in_failures[host.build]) >= plan.identities
    )


def known_operations(run_dir: Path) -> set[str]:
    """Return the operations that the Locust file of a finished run defines."""
    return set(_read_manifest(run_dir)["operations"])


def _read_manifest(run_dir: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((run_dir / "manifest.json").read_text())
    except (OSError, ValueError) as error:
        raise LoadError(
            f"Locust left no readable manifest: {error}",
            hint="Its log says why; keep it with --output.",
        ) from error
    if "broken" in manifest:
        raise LoadError(f"the load run broke off:\n{manifest['broken']}")
    return manifest


def _read_columns(
    path: Path, manifest: dict[str, Any]
) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
    sealed = path.read_bytes() if path.exists() else b""
    if hashlib.sha256(sealed).hexdigest() != manifest["sha256"]:
        raise LoadError(f"{path.name} does not match the checksum in its manifest")
    with np.load(path, allow_pickle=False) as stored:
        columns = {name: stored[name] for name in stored.files}
    windows = {k.removeprefix(_WINDOW): v for k, v in columns.items() if k.startswith(_WINDOW)}
    rows = {name: column for name, column in columns.items() if not name.startswith(_WINDOW)}
    if len(rows["number"]) != manifest["rows"]:
        raise LoadError(f"{path.name} has {len(rows['number'])} rows, not {manifest['rows']}")
    return rows, windows


def _prove_complete(journal: Journal, plan: Plan, arrivals: int) -> None:
    """Raise LoadError unless every arrival stands there once for each build."""
    rows = journal.rows
    is_open = rows["phase"] == Phase.OPEN
    for host in plan.hosts:
        numbers = rows["number"][is_open & (rows["build"] == BUILDS.index(host.build))]
        missing = np.setdiff1d(np.arange(arrivals), numbers)
        if len(missing) or len(numbers) != arrivals:
            raise LoadError(
                f"{host.build}: of {arrivals} arrivals, {len(missing)} are missing from the "
                f"journal and {len(numbers) - arrivals + len(missing)} are doubled"
            )
