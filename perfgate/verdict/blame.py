"""What is known of a line of commits, each beside the good one, becomes the commit to blame.

It says which commit is to be measured next and what is found in the end; it measures nothing.

First the bad build is held against the good one, by the rule of a check: is it slower, by which
metric, and by how much? Then each commit in between is taken for bad where it has more than half of
that slowdown, and for good where it has less. Half is as far from either as can be, so that few
sessions tell: see :func:`perfgate.analysis.sides.side_of`. The chance of error of a search,
STEPS_ALPHA, is shared by its steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from perfgate.analysis import sequential
from perfgate.analysis.bisection import Span, narrowed, next_place
from perfgate.analysis.sides import Rule, Side, difference, side_of
from perfgate.verdict.finding import Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from perfgate.analysis.interval import Interval
    from perfgate.analysis.sequential import MetricEvidence
    from perfgate.exitcodes import ExitCode
    from perfgate.verdict.bisection import Bisection, Suspect, Tried

# Of blaming a commit wrongly, in a search whose changes are what one commit did.
STEPS_ALPHA = 0.05
# A bound from two sessions lies too far off to tell anything.
FIRST_STEP_LOOK = 3
SHARE_LEVEL = 0.95


class Found(Enum):
    """What the bad build is beside the good one."""

    OPEN = "open"
    SLOWER = "slower"
    NO_SLOWER = "no slower"
    UNTOLD = "untold"


_OUTCOMES = {Found.SLOWER: Outcome.FAIL, Found.NO_SLOWER: Outcome.PASS}


@dataclass(frozen=True, slots=True)
class Change:
    """How the bad build differs from the good one: by ``metric`` most clearly, if it does."""

    found: Found
    metric: str
    evidence: Mapping[str, MetricEvidence]

    @property
    def estimate(self) -> float:
        """Return the slowdown by that metric, as a log ratio."""
        return self.evidence[self.metric].estimate


def change_of(bisection: Bisection) -> Change:
    """Return what the sessions of the bad build beside the good one say, at the look that decides.

    Slower is asked first: what is surely beyond the tolerance is worth a search, be it below the
    margin.
    """
    question, known = bisection.question, bisection.known(bisection.bad.commit)
    change = Change(Found.OPEN, question.metrics[0], {})
    for look in bisection.looks:
        if look > known.sessions:
            break
        change = _change_at(bisection, known, look)
        if change.found is not Found.OPEN:
            break
    return change


def _change_at(bisection: Bisection, known: Tried, look: int) -> Change:
    asked = bisection.question
    plan = sequential.Plan(
        looks=bisection.looks,
        fail_alpha=asked.fail_alpha,
        pass_alpha=asked.pass_alpha,
        tolerance=asked.tolerance,
        margin=asked.margin,
    )
    decision = sequential.decide({name: known.of(name)[:look] for name in asked.metrics}, plan)
    evidence = decision.metrics
    metric = max(evidence, key=lambda name: _clarity(evidence[name]))
    if any(own.lower > plan.tolerance for own in evidence.values()):
        slower = [name for name, own in evidence.items() if own.lower > plan.tolerance]
        metric = max(slower, key=lambda name: _clarity(evidence[name]))
        return Change(Found.SLOWER, metric, evidence)
    if decision.outcome is sequential.Outcome.PASS:
        return Change(Found.NO_SLOWER, metric, evidence)
    last = look == bisection.looks[-1]
    return Change(Found.UNTOLD if last else Found.OPEN, metric, evidence)


def _clarity(evidence: MetricEvidence) -> float:
    """Return by how many of its own spreads a metric got worse."""
    return evidence.estimate / max(evidence.session_sd, 1e-12)


def step_rule(bisection: Bisection, change: Change) -> Rule:
    """Return by which rule a commit in between is taken for good or bad."""
    looks = bisection.looks
    sooner = (FIRST_STEP_LOOK,) if looks[0] > FIRST_STEP_LOOK else ()
    steps = Span(0, len(bisection.line)).steps
    return Rule(change.estimate / 2, (*sooner, *looks), STEPS_ALPHA / max(steps, 1))


def sides(bisection: Bisection, change: Change) -> dict[int, Side]:
    """Return on which side the commits in between lie, by their places; only those decided."""
    rule = step_rule(bisection, change)
    found = {
        bisection.place(own.commit): side_of(own.of(change.metric), rule)
        for own in bisection.tried
        if own.commit != bisection.bad.commit and not own.unmeasured
    }
    return {place: side for place, side in found.items() if side is not None}


def skipped(bisection: Bisection) -> set[int]:
    """Return the places of the commits that cannot be measured."""
    return {bisection.place(own.commit) for own in bisection.tried if own.unmeasured}


def span_of(bisection: Bisection, change: Change) -> Span:
    """Return between which places the change came, as far as is known."""
    found = {place: side.above for place, side in sides(bisection, change).items()}
    return narrowed(len(bisection.line), found)


def due(bisection: Bisection) -> str | None:
    """Return the commit that needs a session now, None where the search has ended."""
    change = change_of(bisection)
    if change.found is Found.OPEN:
        return bisection.bad.commit
    if change.found is not Found.SLOWER:
        return None
    decided, missing = sides(bisection, change), skipped(bisection)
    for own in bisection.tried:
        place = bisection.place(own.commit)
        if own.commit != bisection.bad.commit and place not in decided and place not in missing:
            return own.commit
    following = next_place(span_of(bisection, change), missing)
    return None if following is None else bisection.line[following - 1].commit


@dataclass(frozen=True, slots=True)
class Blame:
    """What a search that has ended found.

    Without ``suspects`` no commit is to blame, or none can be told: ``change`` says which. One of
    them made it slower; ``likely`` is the one that the estimates name where there are several that
    no bound excludes, None where they name none. ``share`` is by how much the only one did;
    ``before`` and ``after`` are what came earlier and later, None where nothing surely did. All
    three are log ratios.
    """

    change: Change
    suspects: tuple[Suspect, ...] = ()
    likely: Suspect | None = None
    share: Interval | None = None
    before: Interval | None = None
    after: Interval | None = None

    @property
    def outcome(self) -> Outcome:
        """Return FAIL where a commit, or one of some, is to blame, PASS where none is."""
        return _OUTCOMES.get(self.change.found, Outcome.INCONCLUSIVE)

    @property
    def exit_code(self) -> ExitCode:
        """Return the exit code of the search."""
        return Verdict(self.outcome, ()).exit_code()


def blame_of(bisection: Bisection) -> Blame:
    """Return what the search found."""
    change = change_of(bisection)
    if change.found is not Found.SLOWER:
        return Blame(change)
    found = sides(bisection, change)
    sure = narrowed(
        len(bisection.line), {place: side.above for place, side in found.items() if side.sure}
    )
    suspects = tuple(bisection.line[place - 1] for place in sure.suspects)
    if len(suspects) == 1:
        return _blamed(bisection, change, suspects[0], sure)
    guess = span_of(bisection, change)
    likely = bisection.line[guess.bad - 1] if len(guess.suspects) == 1 else None
    return Blame(change, suspects, likely)


def _blamed(bisection: Bisection, change: Change, suspect: Suspect, span: Span) -> Blame:
    """Return the blame of the only suspect, with its share of the change."""
    groups = [own.of(change.metric) for own in bisection.tried if own.sessions > 1]

    def between(earlier: int, later: int) -> Interval | None:
        """Return what came after one place up to another, None where they are the same."""
        if earlier == later:
            return None
        before = _slowdowns(bisection, change.metric, earlier) if earlier else None
        after = _slowdowns(bisection, change.metric, later)
        return difference(before, after, groups, SHARE_LEVEL)

    def surely(part: Interval | None) -> Interval | None:
        return part if part and part.lower > bisection.question.tolerance else None

    return Blame(
        change,
        (suspect,),
        share=between(span.good, span.bad),
        before=surely(between(0, span.good)),
        after=surely(between(span.bad, len(bisection.line))),
    )


def _slowdowns(bisection: Bisection, metric: str, place: int) -> NDArray[np.float64]:
    return bisection.known(bisection.line[place - 1].commit).of(metric)
