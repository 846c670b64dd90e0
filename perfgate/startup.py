"""Builds pass through and become targets that are ready, or incidents that say which is not.

A build is to blame only where another one gets ready: else it is the setup that does not work.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perfgate.errors import LateError, PortTakenError, TargetError
from perfgate.measurement.models import Incident
from perfgate.tail import tail
from perfgate.target.start import start_build

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from perfgate.build.provide import Build
    from perfgate.config.models import Target
    from perfgate.measurement.models import BuildRole
    from perfgate.target.running import Running

# Lines of a log that an incident keeps.
LOG_LINES = 5


@dataclass(frozen=True, slots=True)
class Launch:
    """How builds are started: as ``target`` says, on one CPU where it is given, logs in a place."""

    target: Target
    cpu: int | None
    log_dir: Path

    def log(self, role: BuildRole) -> Path:
        """Return the log of a build."""
        return self.log_dir / f"{role}.log"


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a build did not get ready."""

    build: Build
    error: TargetError

    @property
    def late(self) -> bool:
        """Return whether it only took too long."""
        return isinstance(self.error, LateError)

    @property
    def told(self) -> str:
        """Return what happened, without the build's name that the message begins with."""
        return self.error.message.splitlines()[0].removeprefix(f"{self.build.label}: ")


@dataclass(frozen=True, slots=True)
class Started:
    """Those that have started, and why others did not, or did not get ready."""

    targets: Mapping[BuildRole, Running]
    faults: Mapping[BuildRole, Fault]


class UnreadyError(Exception):
    """Not every build got ready; ``started`` holds those that did, and why the others did not."""

    def __init__(self, started: Started) -> None:
        super().__init__(", ".join(fault.told for fault in started.faults.values()))
        self.started = started

    @property
    def late(self) -> bool:
        """Return whether more time may be all that was missing."""
        return all(fault.late for fault in self.started.faults.values())


def start_builds(launch: Launch, builds: Mapping[BuildRole, Build], stack: ExitStack) -> Started:
    """Start the builds together, in their order, for as long as ``stack`` is open."""
    targets: dict[BuildRole, Running] = {}
    faults: dict[BuildRole, Fault] = {}
    for role, build in builds.items():
        started = start_build(build, launch.target, log=launch.log(role), cpu=launch.cpu)
        try:
            targets[role] = stack.enter_context(started)
        except TargetError as error:
            faults[role] = Fault(build, error)
    stack.callback(_ask_to_end, targets.values())
    return Started(targets, faults)


def _ask_to_end(targets: Iterable[Running]) -> None:
    """Ask all, so that they end side by side when they are waited for one by one."""
    for target in targets:
        target.ask_to_end()


def await_ready(started: Started, builds: Mapping[BuildRole, Build]) -> None:
    """Wait until all builds are ready.

    Raises UnreadyError where one does not get so, PortTakenError where another program is in the
    way: that is no build's fault.
    """
    faults = dict(started.faults)
    for role, target in started.targets.items():
        try:
            target.wait_until_ready()
        except PortTakenError:
            raise
        except TargetError as error:
            faults[role] = Fault(builds[role], error)
    if faults:
        ready = {role: own for role, own in started.targets.items() if role not in faults}
        raise UnreadyError(Started(ready, faults))


def unready(
    launch: Launch, started: Started, witness: Build | None, stage: str
) -> tuple[Incident, ...]:
    """Return an incident for each build that did not get ready while another one did.

    Where none did, a ``witness`` (the base) is started to tell. Raises the build's TargetError
    where that does not get ready either, or there is none.
    """
    ready: list[BuildRole] = [*started.targets]
    if not ready and witness is not None:
        ready = ["base"] if _gets_ready(launch, witness) else []
    if not ready:
        raise next(iter(started.faults.values())).error
    return tuple(
        Incident(
            build=role,
            kind="unready",
            stage=stage,
            text=f"did not get ready, though the {ready[0]} did: {fault.told}",
            log=tail(launch.log(role), LOG_LINES),
        )
        for role, fault in started.faults.items()
    )


def _gets_ready(launch: Launch, witness: Build) -> bool:
    builds: dict[BuildRole, Build] = {"base": witness}
    with ExitStack() as stack:
        try:
            await_ready(start_builds(launch, builds, stack), builds)
        except UnreadyError:
            return False
    return True
