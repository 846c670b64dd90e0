"""What `check` and `measure` share: from a wish to a case, with everything cleaned up after."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from perfgate.cli.console import shown_progress
from perfgate.errors import FileFaultsError, UsageError
from perfgate.gate import measure
from perfgate.load.engine import Engine, UnknownOperationsError
from perfgate.machine import read_environment
from perfgate.orders import comparing_order, load_named, solitary_order
from perfgate.rig import Rig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perfgate.gate import Order
    from perfgate.measurement.models import Environment
    from perfgate.orders import Wish
    from perfgate.progress import Progress
    from perfgate.verdict.case import Case


def measured(wish: Wish, *, beside_base: bool, output: Path | None) -> Case:
    """Carry out the wish; journals and logs are kept below ``output`` where one is given."""
    environment = read_environment()
    with shown_progress() as progress, _runs_dir(output) as runs_dir:
        find = comparing_order if beside_base else solitary_order
        order = find(wish, environment, progress)
        try:
            return measure(order, _rig(order, wish, environment, runs_dir, progress))
        except UnknownOperationsError as error:
            raise _named_in_ledger(error, wish, order) from error


def prepared(output: Path | None) -> Path | None:
    """Make the output directory before anything is measured; raises UsageError if it cannot be."""
    if output is None:
        return None
    try:
        output.mkdir(parents=True, exist_ok=True)
        if any(output.iterdir()):
            raise UsageError(f"{output} is not empty", hint="Name a new or an empty directory.")
    except OSError as error:
        raise UsageError(f"{output}: cannot be written to: {error.strerror}") from error
    return output


def _rig(
    order: Order, wish: Wish, environment: Environment, runs_dir: Path, progress: Progress
) -> Rig:
    root = load_named(wish.config, wish.profile).root
    alone = environment.target_cpus == environment.generator_cpus
    return Rig(
        target=order.terms.config.target,
        engine=Engine(
            root / order.terms.config.load.locustfile,
            () if alone else environment.generator_cpus,
        ),
        target_cpu=None if alone else environment.target_cpus[0],
        runs_dir=runs_dir,
        progress=progress,
    )


@contextmanager
def _runs_dir(output: Path | None) -> Iterator[Path]:
    if output is not None:
        yield output / "runs"
        return
    with tempfile.TemporaryDirectory(prefix="perfgate-runs-") as directory:
        yield Path(directory)


def _named_in_ledger(
    error: UnknownOperationsError, wish: Wish, order: Order
) -> FileFaultsError | UnknownOperationsError:
    """Say which lines of the ledger name operations that the Locust file lacks."""
    from perfgate.demand.ledger import check_operations  # noqa: PLC0415 - only where it is wrong

    path = load_named(wish.config, wish.profile).root / order.terms.config.demand.ledger
    faults = check_operations(path, order.terms.ledger, error.known)
    return FileFaultsError(str(path), faults) if faults else error
