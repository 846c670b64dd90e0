"""``perfgate baseline``: the bar for later measurements, set, shown and looked after."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from perfgate.cli import options
from perfgate.cli.console import put, say
from perfgate.cli.places import writable
from perfgate.config.load import load_config
from perfgate.errors import UsageError
from perfgate.exitcodes import ExitCode
from perfgate.tail import escaped
from perfgate.wish import held_to, read_wish

if TYPE_CHECKING:
    from datetime import date

    from perfgate.cli.renewal import Proposal

PROPOSAL_BRANCH = "perfgate/baseline"
DIFF_FORMATS = ("terminal", "markdown")


_allow_regression = click.option(
    "--allow-regression", is_flag=True, help="Accept even a build that failed."
)
_reason = click.option(
    "--reason",
    default="",
    help="Why; kept in the record, and shown in every report until the anchor moves.",
)


@click.group()
def command() -> None:
    """Accept a measurement as baseline; propose, show, compare and look after what is stored."""


@command.command()
@click.argument("file", type=options.PATH)
@options.config
@_allow_regression
@_reason
def accept(file: Path, config: Path | None, allow_regression: bool, reason: str) -> None:
    """Make the measurement in FILE the baseline of its profile and kind of machine.

    FILE may also be a record that `update` proposed although the build failed: with a reason it
    becomes the baseline.
    """
    because = _excuse(allow_regression, reason)
    loaded = load_config(config, Path.cwd())
    # It imports numpy, pandas and scipy, which takes a second: first what needs none of them.
    from perfgate.cli.acceptance import accept_file  # noqa: PLC0415 - see above

    path, record = accept_file(file, loaded, because)
    say(f"{path}: baseline is now {record.commit[:12]}; commit the file to put it in force.")


@command.command()
@options.config
def show(config: Path | None) -> None:
    """Show every stored baseline of the working tree."""
    loaded = load_config(config, Path.cwd())
    # These import numpy, pandas and scipy, which takes a second: first what needs none of them.
    from perfgate.cli.acceptance import stored_records  # noqa: PLC0415 - see above
    from perfgate.report.baseline import render_records  # noqa: PLC0415 - see above

    put(render_records(stored_records(loaded)))


@command.command()
@options.config
@options.profile
@click.option("--candidate", help="Build to propose; the branch of record if not given.")
@options.on
@options.seed
@options.budget
@click.option(
    "--from", "from_", type=options.PATH, help="Saved measurement; measured if not given."
)
@click.option("--output", "-o", type=options.PATH, help="File to keep the measurement in.")
@click.option("--summary", type=options.PATH, help="File to write the change to, as Markdown.")
@click.option("--branch", default=PROPOSAL_BRANCH, show_default=True, help="Branch to commit to.")
@_allow_regression
@_reason
def update(
    config: Path | None,
    profile: str,
    candidate: str | None,
    on: date | None,
    seed: int | None,
    budget: float | None,
    from_: Path | None,
    output: Path | None,
    summary: Path | None,
    branch: str,
    allow_regression: bool,
    reason: str,
) -> None:
    """Measure the branch of record, and propose a new baseline where that is worth it.

    The proposal is a commit on a branch of its own, which nobody has checked out and nothing
    pushes: for a build that changed beyond noise, or where the baseline is stale. One that failed
    awaits a reason: until it has one, no check takes it for a baseline.
    """
    because = _excuse(allow_regression, reason)
    loaded = load_config(config, Path.cwd())
    for file in (output, summary):
        if file is not None:
            writable(file)
    # They import numpy, pandas and scipy, which takes a second: first what needs none of them.
    from perfgate.cli import renewal  # noqa: PLC0415 - as above
    from perfgate.cli.acceptance import case_of, why_failed  # noqa: PLC0415 - see above
    from perfgate.verdict.judge import judge  # noqa: PLC0415 - see above

    renewal.refuse_unready(loaded, branch)
    if from_ is not None:
        case = case_of(from_, loaded)
    else:
        own = candidate or renewal.branch_of_record(loaded)
        wish = read_wish(config, profile, own, None, on or options.today(), seed=seed)
        case = renewal.newly_measured(held_to(wish, margin=None, budget_s=budget))
    if output is not None:
        output.write_text(case.to_text(), encoding="utf-8")
    verdict = judge(case)
    proposal = renewal.proposed(case, verdict, loaded, branch, because)
    if proposal is None:
        say("The stored baseline still holds: nothing is proposed.")
        if why := why_failed(verdict):
            say(f"But the build failed, by what is no figure of a baseline: {escaped(why)}")
        return
    _tell_proposal(proposal, branch, summary)


def _tell_proposal(proposal: Proposal, branch: str, summary: Path | None) -> None:
    from perfgate.cli.renewal import reason_commands, summary_of  # noqa: PLC0415 - as in update
    from perfgate.report.recorddiff import render_terminal  # noqa: PLC0415 - as in update

    put(render_terminal(proposal.differences))
    if summary is not None:
        summary.write_text(summary_of(proposal), encoding="utf-8")
    say(f"Proposed on the branch {branch} ({proposal.commit[:12]}), because {proposal.because}.")
    if proposal.awaiting:
        say("It is worse, and needs a reason: check the branch out, then run")
        for words in reason_commands(proposal):
            say(f"  {words}")


@command.command()
@click.argument("old")
@click.argument("new", default=".")
@options.config
@options.format_of(DIFF_FORMATS, "How the differences are printed.")
def diff(old: str, new: str, config: Path | None, format_: str) -> None:
    """Show what differs between the records of OLD and NEW.

    Each is a git ref, '.' for the working tree, or the file of one record.
    """
    loaded = load_config(config, Path.cwd())
    from perfgate.cli.upkeep import records_at  # noqa: PLC0415 - as in accept
    from perfgate.report import recorddiff  # noqa: PLC0415 - as in accept

    found = recorddiff.differences(*(records_at(side, loaded) for side in (old, new)))
    render = {
        "terminal": recorddiff.render_terminal,
        "markdown": recorddiff.render_markdown,
    }[format_]
    put(render(found))


@command.command()
@options.config
def verify(config: Path | None) -> int:
    """Prove that every stored baseline of the working tree is whole and in its place.

    So are records of benchmark times and of noise. Ends with 4 where one is not, and tells all that
    are not.
    """
    loaded = load_config(config, Path.cwd())
    from perfgate.cli.acceptance import MAKE_ONE  # noqa: PLC0415 - as in accept
    from perfgate.cli.upkeep import faults_beside, faults_in, unreachable  # noqa: PLC0415 - as in accept

    faults = faults_in(loaded)
    every = faults | faults_beside(loaded)
    for path, fault in every.items():
        put(f"ok   {path}" if fault is None else f"BAD  {fault.message}\n     -> {fault.hint}")
    if not faults:
        say(f"hint: {MAKE_ONE}")
        put(f"BAD  {loaded.config.baseline.directory}: no baseline is stored")
    if not faults or any(every.values()):
        return int(ExitCode.NO_BASELINE)
    for told in unreachable(loaded):
        say(told)
    return int(ExitCode.PASS)


@command.command()
@options.config
@click.option(
    "--older-than",
    "days",
    type=click.IntRange(min=1),
    default=180,
    show_default=True,
    metavar="DAYS",
    help="Age from which a kind of machine counts as gone; the latest of each profile stays.",
)
@click.option("--dry-run", is_flag=True, help="Only tell what would be removed.")
def prune(config: Path | None, days: int, dry_run: bool) -> None:
    """Remove records of profiles and of kinds of machines that are not used any more."""
    loaded = load_config(config, Path.cwd())
    from perfgate.cli.upkeep import outdated, pruned  # noqa: PLC0415 - as in accept

    found = (outdated if dry_run else pruned)(loaded, days, options.today())
    for path, why in found.items():
        say(f"{path}: {'would be removed' if dry_run else 'removed'}: {why}")
    say("Commit the change to put it in force." if found and not dry_run else _counted(found))


def _counted(found: dict[str, str]) -> str:
    return "Nothing was removed." if found else "Nothing is outdated."


@command.command()
@click.argument("tag")
@options.config
def anchor(tag: str, config: Path | None) -> None:
    """Count drift from the baseline as it was at TAG, the last release.

    What was accepted although it failed before that is in no report any more.
    """
    loaded = load_config(config, Path.cwd())
    from perfgate.cli.upkeep import anchor_at  # noqa: PLC0415 - as in accept

    moved, left = anchor_at(loaded, tag)
    for record in moved:
        assert record.anchor is not None  # noqa: S101 - it was just set
        say(
            f"{record.profile}, {record.environment.slug}: drift counts from {record.anchor.called}"
        )
    for path in left:
        say(f"{path}: left as it is, for how far it is from {tag} is not known")
    say("Commit the files to put that in force.")


def _excuse(allow_regression: bool, reason: str) -> str:
    """Return the reason to accept a build that failed, "" without one; both options go together."""
    if allow_regression and not reason.strip():
        raise UsageError("--allow-regression needs a --reason", hint="Say why, for the record.")
    if reason and not allow_regression:
        raise UsageError(
            "--reason says why a build that failed is accepted",
            hint="Add --allow-regression, or leave --reason out.",
        )
    return reason.strip()
