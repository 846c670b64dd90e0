"""What `check` and `measure` share: from a wish to a case, with everything cleaned up after."""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from perfgate.cli.console import shown_progress
from perfgate.demand.ledger import check_operations
from perfgate.errors import FileFaultsError
from perfgate.gate import measure, unless_spoilt
from perfgate.load.engine import Engine, Remote, UnknownOperationsError, shared_key
from perfgate.orders import order_for, twin_order
from perfgate.rig import Rig
from perfgate.search import find_capacity
from perfgate.upheaval import try_recovery
from perfgate.verdict.fitness import rehearsal_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perfgate.config.load import LoadedConfig
    from perfgate.config.models import Load
    from perfgate.gate import Order
    from perfgate.measurement.models import Environment
    from perfgate.orders import Found
    from perfgate.progress import Progress
    from perfgate.verdict.case import Case
    from perfgate.verdict.fitness import Rehearsal
    from perfgate.wish import Wish


def measured(wish: Wish, found: Found, environment: Environment, keep_in: Path | None) -> Case:
    """Carry out the wish; journals and logs are kept below ``keep_in`` where one is given."""
    with shown_progress() as progress, rigged(wish, environment, keep_in, progress) as rig:
        order = order_for(wish, found, environment, progress)
        case = carried_out(wish, order, rig)
        parts = {try_recovery: wish.recovery, find_capacity: wish.find_capacity}
        for part in (part for part, wanted in parts.items() if wanted):
            case = unless_spoilt(part, case, order, rig)
        return case


@contextmanager
def rigged(
    wish: Wish, environment: Environment, keep_in: Path | None, progress: Progress
) -> Iterator[Rig]:
    """Hold ready what every run for the wish needs; what is not kept is removed at the end."""
    remote = _remote(wish.loaded.config.load)
    with _runs_dir(keep_in) as runs_dir:
        yield _rig(wish.loaded, environment, remote, runs_dir, progress)


def rehearsed(
    wish: Wish, sessions: int, environment: Environment, progress: Progress
) -> tuple[Rehearsal, Case]:
    """Measure the service beside itself, as a check would; return what it showed, and the case."""
    with rigged(wish, environment, None, progress) as rig:
        order = twin_order(wish, sessions, environment, progress)
        start_s = time.monotonic()
        case = carried_out(wish, order, rig)
        seconds = time.monotonic() - start_s
    return rehearsal_of(case, wish.loaded.config, sessions=sessions, seconds=seconds), case


def carried_out(wish: Wish, order: Order, rig: Rig) -> Case:
    """Carry out the order; operations that the Locust file lacks are faults of the ledger's."""
    with ledger_blamed(wish):
        return measure(order, rig)


@contextmanager
def ledger_blamed(wish: Wish) -> Iterator[None]:
    """Turn operations that the Locust file lacks into faults of the ledger's."""
    try:
        yield
    except UnknownOperationsError as error:
        raise _named_in_ledger(error, wish) from error


def _rig(
    loaded: LoadedConfig,
    environment: Environment,
    remote: Remote | None,
    runs_dir: Path,
    progress: Progress,
) -> Rig:
    alone = environment.shared
    return Rig(
        target=loaded.config.target,
        engine=Engine(
            loaded.root / loaded.config.load.locustfile,
            () if alone else environment.generator_cpus,
            remote,
        ),
        target_cpu=None if alone else environment.target_cpus[0],
        runs_dir=runs_dir,
        progress=progress,
    )


def _remote(load: Load) -> Remote | None:
    if not load.expect_workers:
        return None
    return Remote(load.bind, load.port, shared_key(os.environ))


@contextmanager
def _runs_dir(keep_in: Path | None) -> Iterator[Path]:
    if keep_in is not None:
        yield keep_in / "runs"
        return
    with tempfile.TemporaryDirectory(prefix="perfgate-runs-") as directory:
        yield Path(directory)


def _named_in_ledger(
    error: UnknownOperationsError, wish: Wish
) -> FileFaultsError | UnknownOperationsError:
    """Say which lines of the ledger name operations that the Locust file lacks."""
    if not error.known:
        return error
    faults = check_operations(wish.ledger_path, wish.ledger, error.known)
    return FileFaultsError(str(wish.ledger_path), faults) if faults else error
