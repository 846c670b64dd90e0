"""What a search for a commit will take, has found so far, and found in the end, as plain text.

What that is, is said by :mod:`perfgate.verdict.blame`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from perfgate.analysis.bisection import Span
from perfgate.analysis.compare import t_interval
from perfgate.analysis.sequential import percent
from perfgate.report.lines import WIDTH, wrapped
from perfgate.tail import escaped, shortened
from perfgate.verdict.blame import (
    FIRST_STEP_LOOK,
    SHARE_LEVEL,
    Found,
    blame_of,
    change_of,
    sides,
    span_of,
)
from perfgate.verdict.finding import counted, told_apart
from perfgate.verdict.metric import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perfgate.analysis.interval import Interval
    from perfgate.analysis.resolution import Pace
    from perfgate.verdict.bisection import Bisection, Suspect, Tried
    from perfgate.verdict.blame import Blame, Change

TOLD = 44
FOUND = 9
COLUMN = 28
REASON = WIDTH - TOLD - FOUND - 2


def plan_of_search(commits: int, looks: tuple[int, ...], pace: Pace) -> str:
    """Return in a sentence what a search among so many commits takes, at best and at most."""
    steps = Span(0, commits).steps
    fewest = looks[0] + steps * min(FIRST_STEP_LOOK, looks[0])
    times = [pace.check_s(count) for count in (fewest, (1 + steps) * looks[-1])]
    return (
        f"plan: {counted(commits, 'commit')}; the bad one beside the good one, then about "
        f"{counted(steps, 'step')}, {counted(steps + 2, 'build')} in all; {_minutes(times)}, and "
        "the time that building takes"
    )


def progress_line(bisection: Bisection) -> str:
    """Return in a line what the search knows now, and what it has yet to do."""
    change = change_of(bisection)
    if change.found is not Found.SLOWER:
        return ""
    span = span_of(bisection, change)
    spent_s = sum(own.seconds for own in bisection.tried)
    each_s = spent_s / bisection.sessions
    fewest = span.steps * min(FIRST_STEP_LOOK, bisection.looks[0])
    left = f"{counted(len(span.suspects), 'commit')} left"
    if not span.steps:
        return left
    times = [count * each_s for count in (fewest, span.steps * bisection.looks[-1])]
    return f"{left}, about {counted(span.steps, 'step')} and {_minutes(times)}"


def known_lines(bisection: Bisection) -> list[str]:
    """Return what an interrupted search has found already; nothing where it has found nothing."""
    if not bisection.tried:
        return []
    made = counted(bisection.sessions, "session")
    return [
        f"going on with the search of {bisection.begun_at}: {made} of "
        f"{counted(len(bisection.tried), 'commit')} are known",
        *_table(bisection, change_of(bisection)),
    ]


def render(bisection: Bisection) -> str:
    """Return what was found, in whom, by how much, and the steps that led there."""
    blame = blame_of(bisection)
    parts = [
        f"{blame.outcome}: {_head(bisection, blame)}",
        *(wrapped(sentence, "  ") for sentence in _sentences(bisection, blame)),
        "",
        *_table(bisection, blame.change),
        "",
        *(wrapped(sentence, "  ") for sentence in _how(bisection)),
    ]
    return "\n".join(parts) + "\n"


def _head(bisection: Bisection, blame: Blame) -> str:
    match blame.change.found, len(blame.suspects):
        case Found.SLOWER, 1:
            return f"{blame.suspects[0].told} made it slower"
        case Found.SLOWER, count:
            return f"one of {counted(count, 'commit')} made it slower"
        case Found.NO_SLOWER, _:
            return f"no commit up to {bisection.bad.told} made it slower"
    return f"it cannot be told whether {bisection.bad.told} is slower"


def _sentences(bisection: Bisection, blame: Blame) -> list[str]:
    if blame.change.found is not Found.SLOWER:
        return _unblamed(bisection, blame.change)
    if blame.share is None:
        return _narrowed(bisection, blame)
    metric, suspect = words(blame.change.metric), blame.suspects[0]
    whole = told_apart([percent(blame.change.estimate)], 1)[0]
    told = [
        f"{metric[0].upper()}{metric[1:]} rose {_share(blame.share)} there; from good "
        f"({bisection.good.told}) to bad ({bisection.bad.told}) it rose {whole} %."
    ]
    if blame.before:
        told.append(_more("before", blame.before, bisection.good, _parent(bisection, suspect)))
    if blame.after:
        told.append(_more("after", blame.after, suspect, bisection.bad))
    return told + _within(suspect)


def _parent(bisection: Bisection, suspect: Suspect) -> Suspect:
    """Return the commit ahead of a suspect in the line."""
    place = bisection.place(suspect.commit)
    return bisection.line[place - 2] if place > 1 else bisection.good


def _more(when: str, part: Interval, good: Suspect, bad: Suspect) -> str:
    return (
        f"Commits {when} it added {_share(part)}, which is a search of its own: perfgate bisect "
        f"--good {good.commit[:12]} --bad {bad.commit[:12]}"
    )


def _within(suspect: Suspect) -> list[str]:
    """Tell how to look into a merge; nothing of other commits."""
    if len(suspect.parents) < 2:  # noqa: PLR2004 - a merge has two parents by its definition
        return []
    into, merged = (parent[:12] for parent in suspect.parents[:2])
    return [
        "It is a merge. Which of the commits that came with it made it slower: perfgate bisect "
        f'--good "$(git merge-base {into} {merged})" --bad {merged}'
    ]


def _narrowed(bisection: Bisection, blame: Blame) -> list[str]:
    """Tell which commits are left, and why there are several."""
    places = range(
        bisection.place(blame.suspects[0].commit), bisection.place(blame.suspects[-1].commit)
    )
    found = [bisection.known(bisection.line[place - 1].commit) for place in places]
    skipped = sum(bool(own.unmeasured) for own in found)
    unsure = sum(bool(own.sessions and not own.unmeasured) for own in found)
    reasons = [f"{skipped} could not be measured"] if skipped else []
    reasons += [f"{unsure} were not surely told from good or bad"] if unsure else []
    whole = told_apart([percent(blame.change.estimate)], 1)[0]
    first = (
        f"From good ({bisection.good.told}) to bad ({bisection.bad.told}) "
        f"{words(blame.change.metric)} rose {whole} %. Of the commits in between "
        f"{' and '.join(reasons)}, so that these are left:"
    )
    likely = [f"Most likely: {blame.likely.told}."] if blame.likely else []
    hint = ["A quieter machine, or a larger --budget, would tell."] if unsure else []
    return [first, *(f"  {suspect.told}" for suspect in blame.suspects), *likely, *hint]


def _unblamed(bisection: Bisection, change: Change) -> list[str]:
    limit = percent(bisection.question.margin)
    told = []
    for metric, own in change.evidence.items():
        figures = [percent(own.estimate), percent(own.lower), percent(own.upper), limit]
        estimate, lower, upper, most = told_apart(figures, 1, "+")
        name = words(metric)
        bounds = (
            f"at most {upper} %"
            if change.found is Found.NO_SLOWER
            else (f"it may be anything from {lower} % to {upper} %")
        )
        told.append(
            f"{name[0].upper()}{name[1:]} changed {estimate} % from good ({bisection.good.told}): "
            f"{bounds}; the limit is {most} %."
        )
    if change.found is Found.NO_SLOWER:
        return [*told, "For a smaller slowdown: --margin 1%, with a larger --budget."]
    return [*told, "A quieter machine, or a larger --budget, would tell."]


def _share(part: Interval) -> str:
    """Return "15.3 % (14.4 % to 16.2 %)"."""
    figures = [percent(part.estimate), percent(part.lower), percent(part.upper)]
    estimate, lower, upper = told_apart(figures, 1)
    return f"{estimate} % ({lower} % to {upper} %)"


def _table(bisection: Bisection, change: Change) -> list[str]:
    """Return a line for each commit that was tried, in that order."""
    if not bisection.tried:
        return []
    head = f"  {'commit':<{TOLD}}{'found':<{FOUND}}{'slower by (95 %)':<{COLUMN}}{'sessions':>8}"
    return [head, *(_row(bisection, change, own) for own in bisection.tried)]


def _row(bisection: Bisection, change: Change, own: Tried) -> str:
    told = bisection.line[bisection.place(own.commit) - 1].told
    name = f"  {shortened(told, TOLD - 2):<{TOLD}}"
    if own.unmeasured:
        return f"{name}{'skipped':<{FOUND}}{shortened(escaped(own.unmeasured), REASON)}"
    values = own.of(change.metric)
    several = len(values) > 1
    slower = _share(t_interval(values, SHARE_LEVEL)) if several else ""
    return f"{name}{_found(bisection, change, own):<{FOUND}}{slower:<{COLUMN}}{own.sessions:>8}"


def _found(bisection: Bisection, change: Change, own: Tried) -> str:
    """Return what a commit was found to be; "?" behind it where that is not sure."""
    if change.found is not Found.SLOWER:
        return ""
    if own.commit == bisection.bad.commit:
        return "bad"
    side = sides(bisection, change).get(bisection.place(own.commit))
    if side is None:
        return ""
    return f"{'bad' if side.above else 'good'}{'' if side.sure else '?'}"


def _how(bisection: Bisection) -> list[str]:
    merges = any(len(suspect.parents) > 1 for suspect in bisection.line)
    seconds = sum(own.seconds for own in bisection.tried)
    measured = sum(own.sessions > 0 for own in bisection.tried)
    told = [
        f"{counted(measured, 'commit')} of {len(bisection.line)} measured beside "
        f"{bisection.good.told}, in {counted(bisection.sessions, 'session')} and {seconds:.0f} s."
    ]
    along = "Merges counted as one commit each: the line goes along first parents."
    return [*told, along] if merges else told


def _minutes(seconds: Sequence[float]) -> str:
    """Return "2 to 7 minutes", "1 minute" where both are the same."""
    fewest, most = (max(math.ceil(own / 60), 1) for own in seconds)
    return counted(most, "minute") if fewest == most else f"{fewest} to {most} minutes"
