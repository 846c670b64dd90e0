"""What is known of a line of commits, each measured beside the good one: one value, and one file.

So a search that was interrupted goes on where it was. What follows from it is said by
:mod:`perfgate.verdict.blame`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from pydantic import Field, ValidationError

from perfgate.errors import UsageError
from perfgate.measurement.models import Conditions, Value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

FORMAT: Final = "perfgate.bisection/1"
# History of the format:
#   1  the question, the line of commits, the slowdowns of every session, what was not measured.


class Question(Value):
    """What is asked; two searches that ask the same may share what they have found.

    ``metrics`` are those that may decide, ``tolerance`` and ``margin`` log ratios; ``target_hash``
    stands for how builds are made and started, ``machine`` for the environment class.
    """

    service: str
    profile: str
    good: str
    bad: str
    metrics: tuple[str, ...]
    tolerance: float
    margin: float
    fail_alpha: float
    pass_alpha: float
    budget_s: float
    target_hash: str
    machine: str
    conditions: Conditions


class Suspect(Value):
    """A commit of the line: its full hash, how it is told (safe to print), its parents."""

    commit: str
    told: str
    parents: tuple[str, ...] = ()


class Tried(Value):
    """What is known of a commit beside the good one.

    ``slowdowns`` holds a log ratio per session by metric; ``unmeasured`` says why there are none to
    come, "" where there are.
    """

    commit: str
    slowdowns: dict[str, tuple[float, ...]] = Field(default_factory=dict)
    unmeasured: str = ""
    seconds: float = 0.0

    @property
    def sessions(self) -> int:
        """Return how many sessions were made with it."""
        return max(map(len, self.slowdowns.values()), default=0)

    def of(self, metric: str) -> NDArray[np.float64]:
        """Return the slowdowns of a metric."""
        return np.array(self.slowdowns.get(metric, ()))


class Bisection(Value):
    """All that is known: the good commit, those after it up to the bad one, what has been tried.

    ``looks`` are the numbers of sessions after which it is decided whether the bad build is slower,
    and ``rate_rps`` is the open-loop rate of all sessions: both are set by the first measurement.
    """

    format: Literal["perfgate.bisection/1"] = FORMAT
    perfgate: str
    begun_at: str
    question: Question
    good: Suspect
    line: tuple[Suspect, ...]
    looks: tuple[int, ...] = ()
    rate_rps: float = 0.0
    tried: tuple[Tried, ...] = ()

    @property
    def bad(self) -> Suspect:
        """Return the commit that is taken to be bad."""
        return self.line[-1]

    @property
    def sessions(self) -> int:
        """Return how many sessions were made in all."""
        return sum(own.sessions for own in self.tried)

    def known(self, commit: str) -> Tried:
        """Return what is known of a commit."""
        found = (own for own in self.tried if own.commit == commit)
        return next(found, Tried(commit=commit))

    def place(self, commit: str) -> int:
        """Return the place of a commit in the line; the good one has place 0."""
        return next(place for place, own in enumerate(self.line, 1) if own.commit == commit)

    def with_session(
        self, commit: str, slowdowns: Mapping[str, float], seconds: float
    ) -> Bisection:
        """Return what is known with one session more, which took so many seconds."""
        before = self.known(commit)
        longer = {name: (*before.slowdowns.get(name, ()), own) for name, own in slowdowns.items()}
        return self._with(before, slowdowns=longer, seconds=before.seconds + seconds)

    def without(self, commit: str, why: str) -> Bisection:
        """Return what is known with a commit that cannot be measured."""
        return self._with(self.known(commit), unmeasured=why)

    def _with(self, before: Tried, **updates: object) -> Bisection:
        after = before.model_copy(update=updates)
        others = tuple(own for own in self.tried if own.commit != before.commit)
        return self.model_copy(update={"tried": (*others, after)})

    def to_text(self) -> str:
        """Return the file's text."""
        return self.model_dump_json(indent=1) + "\n"


def read_bisection(path: Path) -> Bisection:
    """Read what is known from the file; raises UsageError that says what is wrong with it."""
    try:
        return Bisection.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be read: {error.strerror}", hint="Check its permissions."
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise UsageError(
            f"{path}: not a search this version can go on with: {where}: {first['msg']}",
            hint="Begin it anew: --restart.",
        ) from error
