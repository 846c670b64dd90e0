"""Every way in which perfgate can end without a verdict, each with its exit code and a hint.

Nothing here prints or catches: the command line does both, in one place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from perfgate.exitcodes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perfgate.faults import Fault


class PerfgateError(Exception):
    """There is no verdict: ``message`` says where, what and what was found; ``hint`` what to do."""

    exit_code: ClassVar[ExitCode] = ExitCode.BUG

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(PerfgateError):
    """The command line asks for something that cannot be done."""

    exit_code = ExitCode.USAGE


class NoRepositoryError(UsageError):
    """There is no git repository, or no git to look into it."""


class FileFaultsError(PerfgateError):
    """A file of the user's has faults; all of them are told at once."""

    exit_code = ExitCode.USAGE

    def __init__(self, path: str, faults: Sequence[Fault]) -> None:
        count = len(faults)
        super().__init__(f"{path}: {count} fault{'' if count == 1 else 's'}")
        self.path = path
        self.faults = tuple(faults)


class LoadError(PerfgateError):
    """The load could not be run or cannot be proved complete."""

    exit_code = ExitCode.UNDECIDED


class SpoiltError(LoadError):
    """The load ran, but somebody interfered or its record failed: to repeat it would hide that."""


class StoreError(PerfgateError):
    """The stored baseline is missing or cannot be read."""

    exit_code = ExitCode.NO_BASELINE


class TargetError(PerfgateError):
    """A build failed, or its target did not start or never got ready."""

    exit_code = ExitCode.NO_TARGET


class LateError(TargetError):
    """A target ran, but was not ready in time: a busy machine may do that to any build."""


class PortTakenError(TargetError):
    """A port was taken by something that is not the target: none of the build's doing."""


class SourceError(PerfgateError):
    """A source of demand cannot be reached, or tells nothing."""

    exit_code = ExitCode.NO_SOURCE


class RefError(PerfgateError):
    """A git ref or commit cannot be reached in this repository."""

    exit_code = ExitCode.NO_REF
