"""The page on how often verdicts are wrong: kept checks in, Markdown out.

Nothing is measured here. Exit code 1 says that builds got verdicts which they do not deserve, more
often than is promised and than chance explains.
"""

from __future__ import annotations

import argparse
import math
import platform
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from benchmarks.generators.tables import markdown_table

from calibration.groups import Group, groups_in
from calibration.resample import AS_MEASURED, DRAWS, Policy, pool_of, resampled
from perfgate import __version__
from perfgate.analysis.change import CAPACITY, COST, SATURATED
from perfgate.analysis.compare import exact_lower_bound, wilson_interval
from perfgate.analysis.resolution import FIRST_LOOK, looks_for
from perfgate.analysis.sequential import percent
from perfgate.config.models import Margins
from perfgate.verdict.checks.memory import REQUESTS
from perfgate.verdict.finding import counted
from perfgate.wish import TOLERATED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from calibration.resample import Drawn, Pool

LEVEL = 0.95
# What a build may get; the first two are one promise, as both let it ship.
OUTCOMES = ("PASS", "WARN", "FAIL", "INCONCLUSIVE", "INVALID")
ALARM = 0.01
# There are many rows of shifted checks, and each takes a while: this part as many for each.
SHARE_SHIFTED = 4
SHIFTED_PERCENT = (0, 1, 2, 3, 5, 10)
# Moments at which a user may ask, in seconds of sessions.
WITHIN_S = (60.0, 120.0)
# What `--margin 1% --budget 5m` asks for.
FINE_MARGIN, FINE_BUDGET_S = 0.01, 300.0

TITLE = """\
# Error rates

How often perfgate's verdict is wrong, on builds whose loss is known. `make calibration` makes the
checks and writes this page, in about three hours; `CALIBRATION_RUNS=4` makes a tenth of them. They
are kept in `.calibration`, and what is kept is not made again. To print the page from those:

```sh
PYTHONPATH=tests .venv/bin/python -m calibration.page .calibration
```

Every figure is one of three kinds, and each table says which: *real* checks ran from beginning to
end; *resampled* ones are made of real sessions, drawn with replacement; *shifted* ones are
resampled from sessions of equal builds, to whose candidate a known loss was added."""

REAL = """\
## Real checks

Each was a whole `perfgate check` of a commit against the commit before, with a seed of its own, and
each was judged again from its stored sessions: the verdicts were the same to the last bit. WARN
lets a build ship, like PASS. *Right* is the share that got what it deserves, with its 95 % interval
(Wilson); a build that loses less than the margin deserves either. The *loss* is what was measured,
over all sessions of the build: CPU time per request, time for equal work, and time per answer when
saturated. *Spread* is the standard deviation of the first two between sessions. *Seconds* are those
of the whole command. A check that had to be given up is counted under *hung*, and is not right."""

RESAMPLED = """\
## Resampled

Checks of sessions drawn from all those above, decided by the same rule and the same judge.
Seconds are those of the sessions. *FAIL at first* counts the checks that failed at the first look,
*FAIL within* those that had failed by then."""

SHIFTED = """\
## Shifted

Sessions of equal builds, with a loss added to cost and capacity alike: what that noise makes of a
loss of exactly so much."""

FINER = """\
## A margin of 1 %

The same, held to `--margin 1% --budget 5m`: a quarter of the margin is tolerated, and the looks
are those that five minutes afford."""


def main(words: Sequence[str] | None = None) -> None:
    """Print the page on the checks in a directory."""
    options = argparse.ArgumentParser(prog="python -m calibration.page", description=__doc__)
    options.add_argument("directory", type=Path, help="where checks are kept")
    options.add_argument("--output", type=Path, help="file to write; printed if not given")
    options.add_argument("--draws", type=int, default=DRAWS, help="checks to resample of each")
    read = options.parse_args(words)
    groups = groups_in(read.directory)
    if not groups:
        sys.exit(f"{read.directory}: no check is kept there; `make calibration` makes them")
    page = f"{render(groups, read.draws)}\n"
    if read.output:
        read.output.write_text(page)
    else:
        sys.stdout.write(page)
    wrong = alarms(groups)
    sys.stderr.writelines(f"{line}\n" for line in wrong)
    sys.exit(1 if wrong else 0)


def render(groups: Sequence[Group], draws: int) -> str:
    """Return the page; equal builds are resampled where there are any."""
    parts = [TITLE, _machine(groups), REAL, _real(groups), *_reasons(groups)]
    pools = {own.name: (own, pool_of(own.kept)) for own in groups if _sessions(own)}
    parts += [RESAMPLED, _told(draws), _resampled(list(pools.values()), draws)]
    if "same" in pools:
        pool, fewer = pools["same"][1], max(draws // SHARE_SHIFTED, 1)
        parts += [SHIFTED, _told(fewer), _shifted(pool, fewer, AS_MEASURED)]
        parts += [FINER, _told(fewer), _shifted(pool, fewer, fine(pool))]
    return "\n\n".join(parts)


def fine(pool: Pool) -> Policy:
    """Return what a small margin and a long budget hold checks to, at the pool's pace."""
    looks = looks_for(FINE_BUDGET_S, pool.session_s)
    return Policy(FINE_MARGIN, TOLERATED * FINE_MARGIN, looks, FINE_BUDGET_S)


def alarms(groups: Sequence[Group]) -> list[str]:
    """Return in words which wrong verdicts are too many for chance.

    An equal build is promised to fail in no more than ``fail_alpha`` of checks, and a loss beyond
    the margin to pass in no more than ``pass_alpha``.
    """
    margins, told = Margins(), []
    for own in groups:
        wrong, promised = {
            "PASS": (("FAIL",), margins.fail_alpha),
            "FAIL": (("PASS", "WARN"), margins.pass_alpha),
        }.get(own.deserves, ((), 1.0))
        found = sum(verdict in wrong for verdict in own.verdicts)
        if exact_lower_bound(found, len(own.verdicts), ALARM) > promised:
            told.append(f"{own.what}: {found} of {len(own.verdicts)} checks got it wrong")
    return told


def _machine(groups: Sequence[Group]) -> str:
    measured = groups[0].kept[0].case.measurement
    machine = measured.environment
    days = sorted(one.case.measurement.taken_at[:10] for own in groups for one in own.kept)
    when = days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
    return (
        f"Measured {when} on {machine.cpus} x {machine.cpu_model} ({machine.virtual}), kernel "
        f"{machine.kernel}, Python {machine.python}, perfgate {measured.perfgate}; the page was "
        f"made by perfgate {__version__} on Python {platform.python_version()}."
    )


def _real(groups: Sequence[Group]) -> str:
    head = ("build", "checks", *OUTCOMES, "hung", "right", "loss", "spread", "seconds", "longest")
    table = markdown_table(head, [_real_row(own) for own in groups])
    return "\n\n".join([table, *_grown(groups)])


def _grown(groups: Sequence[Group]) -> list[str]:
    """Return what chance makes of the rule on memory that grows; nothing without equal builds."""
    equal = [own.growth_kib() for own in groups if own.deserves == "PASS"]
    if not equal:
        return []
    most = np.abs(np.concatenate(equal)).max(initial=0.0)
    return [
        f"With builds that deserve a PASS, the candidate's memory grew by at most {most:.1f} KiB "
        f"more or less than the base's in {REQUESTS} requests of a session; more than "
        f"{Margins().growth_kib:.0f} counts."
    ]


def _reasons(groups: Sequence[Group]) -> list[str]:
    """Return a list of the checks that stood in the way of a PASS; none where none did."""
    lines = [
        f"- {own.what}: {', '.join(_counted(*reason) for reason in sorted(found.items()))}"
        for own in groups
        if (found := own.reasons())
    ]
    return ["What gave the reason, where it was not PASS:", "\n".join(lines)] if lines else []


def _counted(reason: tuple[str, str], count: int) -> str:
    return f"{reason[0]} by `{reason[1]}` ({count})"


def _real_row(own: Group) -> tuple[str, ...]:
    counts = Counter(own.verdicts)
    seconds = [one.run.seconds for one in own.kept]
    return (
        own.what,
        str(len(own.kept) + own.hung),
        *(str(counts[outcome]) for outcome in OUTCOMES),
        str(own.hung),
        _right(own),
        _figures(own, (COST, CAPACITY, SATURATED), _mean, "+.1f"),
        _figures(own, (COST, CAPACITY), _sd, ".2f"),
        f"{np.mean(seconds):.0f}",
        f"{max(seconds):.0f}",
    )


def _right(own: Group) -> str:
    """Return "95 % (76 to 99)"."""
    if not own.deserves:
        return "-"
    deserved = ("PASS", "WARN") if own.deserves == "PASS" else (own.deserves,)
    right = sum(verdict in deserved for verdict in own.verdicts)
    return _share(right, len(own.verdicts) + own.hung)


def _share(count: int, of: int) -> str:
    share = wilson_interval(count, of, LEVEL)
    lower, upper = (f"{100 * bound:.1f}" for bound in (share.lower, share.upper))
    return f"{100 * share.estimate:.1f} % ({lower} to {upper})"


def _figures(
    own: Group, metrics: Sequence[str], of: Callable[[NDArray[np.float64]], float], form: str
) -> str:
    """Return a figure of each metric, in percent."""
    told = []
    for metric in metrics:
        values = own.slowdowns(metric)
        told.append(f"{percent(of(values)):{form}}" if len(values) > 1 else "-")
    return f"{' / '.join(told)} %"


def _mean(values: NDArray[np.float64]) -> float:
    return float(np.mean(values))


def _sd(values: NDArray[np.float64]) -> float:
    return float(np.std(values, ddof=1))


def _sessions(own: Group) -> int:
    return sum(len(one.case.sessions) for one in own.kept)


def _told(draws: int) -> str:
    return f"{counted(draws, 'check')} were drawn for each row."


def _resampled(pools: Sequence[tuple[Group, Pool]], draws: int) -> str:
    head = ("build", "sessions to draw from", *_drawn_head())
    rows = [
        (own.what, str(len(pool.sessions)), *_drawn_row(resampled(pool, draws)))
        for own, pool in pools
    ]
    return markdown_table(head, rows)


def _shifted(pool: Pool, draws: int, policy: Policy) -> str:
    rows = [
        (
            f"{loss} %",
            *_drawn_row(resampled(pool, draws, loss=math.log1p(loss / 100), policy=policy)),
        )
        for loss in SHIFTED_PERCENT
    ]
    return markdown_table(("loss", *_drawn_head()), rows)


def _drawn_head() -> tuple[str, ...]:
    early = (f"FAIL within {seconds:.0f} s" for seconds in WITHIN_S)
    return ("may ship", "FAIL", "other", "FAIL at first", *early, "sessions", "seconds")


def _drawn_row(drawn: Sequence[Drawn]) -> tuple[str, ...]:
    shipped = sum(one.verdict in ("PASS", "WARN") for one in drawn)
    failed = [one for one in drawn if one.verdict == "FAIL"]
    early = (sum(one.seconds <= seconds for one in failed) for seconds in WITHIN_S)
    return (
        _percents(shipped, len(drawn)),
        _share(len(failed), len(drawn)),
        _percents(len(drawn) - shipped - len(failed), len(drawn)),
        _percents(sum(one.sessions <= FIRST_LOOK for one in failed), len(drawn)),
        *(_percents(count, len(drawn)) for count in early),
        f"{np.mean([one.sessions for one in drawn]):.1f}",
        f"{np.mean([one.seconds for one in drawn]):.0f}",
    )


def _percents(count: int, of: int) -> str:
    return f"{100 * count / of:.1f} %"


if __name__ == "__main__":
    main()
