"""Kept checks, gathered by what was checked and beside what."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from calibration.builds import BUILDS
from calibration.cases import FAILED, kept
from perfgate.analysis.change import ROLES, memory_slopes, session_frame
from perfgate.verdict.checks.memory import KIB, REQUESTS
from perfgate.verdict.finding import Outcome
from perfgate.verdict.judge import judge

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from calibration.cases import Kept


@dataclass(frozen=True)
class Group:
    """The checks of one build in the same surroundings; ``hung`` more did not end."""

    name: str
    kept: Sequence[Kept]
    hung: int = 0

    @property
    def what(self) -> str:
        """Return what was checked, for people."""
        run = self.kept[0].run
        burnt = f", beside a stranger that burns {run.burn:g} of a CPU" if run.burn else ""
        return f"{BUILDS[run.variant].what}{burnt}"

    @property
    def deserves(self) -> str:
        """Return the verdict that is right, "" where either is."""
        return BUILDS[self.kept[0].run.variant].deserves

    @property
    def verdicts(self) -> list[str]:
        """Return the verdict of every check."""
        return [one.run.verdict for one in self.kept]

    def slowdowns(self, metric: str) -> NDArray[np.float64]:
        """Return the slowdown of each session (log)."""
        sessions = [run for one in self.kept for run in one.case.sessions]
        return session_frame(sessions)[metric].to_numpy(dtype=float)

    def growth_kib(self) -> NDArray[np.float64]:
        """Return by how much more than its base each session grew in 1000 requests."""
        sessions = [run for one in self.kept for run in one.case.sessions]
        candidate, base = (memory_slopes(sessions, role) for role in ROLES)
        return (candidate - base) * REQUESTS / KIB

    def reasons(self) -> Counter[tuple[str, str]]:
        """Count the verdicts other than PASS, each with the check that gave the reason."""
        judged = (judge(one.case) for one in self.kept)
        return Counter(
            (str(verdict.outcome), verdict.findings[0].check)
            for verdict in judged
            if verdict.outcome is not Outcome.PASS
        )


def groups_in(directory: Path) -> list[Group]:
    """Return the groups of checks that are kept, in the order of the known builds."""
    found = [
        Group(path.name, checks, len([*path.glob(f"[0-9]*/{FAILED}")]))
        for path in directory.glob("[a-z]*")
        if path.is_dir() and (checks := kept(path))
    ]
    order = list(BUILDS)
    return sorted(found, key=lambda own: (order.index(own.kept[0].run.variant), own.name))
