"""What was measured becomes a proposal for the branch of record: a branch with one commit.

Nothing is pushed, and the user's working tree, index and HEAD stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from perfgate.baseline.record import parse_proposed
from perfgate.baseline.store import Store, file_text
from perfgate.baseline.tree import Committed
from perfgate.build.cache import locked
from perfgate.build.gitio import WHO, open_repository
from perfgate.cli.acceptance import record_in_line, refuse_invalid, signed
from perfgate.cli.run import measured
from perfgate.errors import RefError, StoreError, UsageError
from perfgate.machine import read_environment
from perfgate.orders import found_alone, found_to_compare, stored_baseline
from perfgate.report.markup import as_text, fenced
from perfgate.report.recorddiff import Difference, headline, render_markdown, render_terminal
from perfgate.verdict.renewal import surely_worse, why_renew

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perfgate.baseline.record import BaselineRecord
    from perfgate.build.gitio import Repository
    from perfgate.config.load import LoadedConfig
    from perfgate.verdict.case import Case
    from perfgate.verdict.finding import Verdict
    from perfgate.wish import Wish

# Held, below .git, while a proposal is made.
TURN = "perfgate-proposal.lock"
# The last line of the message of a commit that may be replaced by the next one.
TRAILER = "Proposed-by: perfgate baseline update"
REASON = "Until somebody has said why, no check takes it for a baseline: check the branch out, run"
ANEW = (
    "begin anew: perfgate measure --output FILE, then perfgate baseline accept FILE "
    '--allow-regression --reason "..."'
)


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the branch would change, why, and the commit that it is at; "" before there is one.

    ``pending`` is what was proposed before of other profiles and machines, and is so still.
    """

    difference: Difference
    because: str
    pending: tuple[Difference, ...] = ()
    commit: str = ""

    @property
    def record(self) -> BaselineRecord:
        """Return the record that is proposed."""
        assert self.difference.new is not None  # noqa: S101 - a proposal removes nothing
        return self.difference.new

    @property
    def differences(self) -> tuple[Difference, ...]:
        """Return all that the branch would change."""
        return self.difference, *self.pending

    @property
    def awaiting(self) -> list[str]:
        """Return the paths of the records that await a reason."""
        return [own.path for own in self.differences if own.new and own.new.awaits_reason]


def newly_measured(wish: Wish) -> Case:
    """Measure the candidate beside the stored baseline's build, alone where there is no baseline.

    Raises RefError where the baseline's commit is not in this clone.
    """
    environment = read_environment()
    stored = stored_baseline(wish, environment)
    if stored is None:
        return measured(wish, found_alone(wish), environment, keep_in=None)
    _refuse_unreachable(wish.loaded, stored.record.commit)
    return measured(wish, found_to_compare(wish, environment), environment, keep_in=None)


def _refuse_unreachable(loaded: LoadedConfig, commit: str) -> None:
    with open_repository(loaded.root) as repository:
        try:
            repository.resolve(commit)
        except RefError as error:
            raise RefError(
                f"the stored baseline's commit {commit[:12]} is not in this clone",
                hint=f"git fetch --depth=1 origin {commit}; where nobody has it any more, {ANEW}",
            ) from error


def branch_of_record(loaded: LoadedConfig) -> str:
    """Return what the branch of record is called here; raises RefError where it is not here."""
    branch = loaded.config.baseline.branch
    with open_repository(loaded.root) as repository:
        found = repository.branch(branch)
    if found is None:
        raise RefError(
            f"the branch {branch!r}, where baselines are kept, is not in this checkout",
            hint=f"git fetch origin {branch}:refs/remotes/origin/{branch}; or set baseline.branch.",
        )
    return found


def refuse_unready(loaded: LoadedConfig, branch: str) -> None:
    """Raise what would keep a proposal from ``branch`` later: a measurement takes minutes.

    RefError where the branch cannot be moved, UsageError where it cannot be one or nobody could be
    named as its author, StoreError for commits of others on it, or a record that cannot be read.
    """
    base = branch_of_record(loaded)
    with open_repository(loaded.root) as repository:
        parent = repository.resolve(base)
        repository.branch_tip(branch)
        _refuse_foreign(repository, branch, parent)
        repository.refuse_immovable(branch)
        if repository.author() is None:
            raise UsageError(f"git does not know who commits in {repository.top}", hint=WHO)
        _store_at(repository, parent, loaded).records()


def proposed(
    case: Case, verdict: Verdict, loaded: LoadedConfig, branch: str, because: str
) -> Proposal | None:
    """Commit the record of a measurement, judged so, to ``branch``; None: nothing speaks for it.

    It goes on from the tip of the branch of record, with the records that are there. Without a
    reason ``because``, one that failed or is surely worse awaits it: no check takes it for a
    baseline until then.
    Raises StoreError for a measurement that is invalid, or where the branch has commits of others.
    """
    refuse_invalid(verdict)
    why = why_renew(case)
    if not why:
        return None
    base = branch_of_record(loaded)
    # Of two at once the second waits, and sees what the first has proposed.
    with (
        open_repository(loaded.root) as repository,
        locked(repository.common_directory / TURN),
    ):
        parent, was = repository.resolve(base), repository.branch_tip(branch)
        _refuse_foreign(repository, branch, parent)
        store = _store_at(repository, parent, loaded)
        signature, worse = signed(loaded, because), surely_worse(case)
        record, _ = record_in_line(case, verdict, store, signature, worse)
        path = store.path_of(record)
        pending = [own for own in _pending(repository, branch, parent, loaded) if own.path != path]
        proposal = Proposal(Difference(path, store.record(path), record), why, tuple(pending))
        files = dict(_files(proposal, repository.relative(loaded.root)))
        commit = repository.commit_aside(parent, files, message_of(proposal))
        repository.move_branch(branch, commit, was)
    return replace(proposal, commit=commit)


def _files(proposal: Proposal, within: str) -> Iterator[tuple[str, bytes]]:
    for own in proposal.differences:
        place = own.path if within == "." else f"{within}/{own.path}"
        assert own.new is not None  # noqa: S101 - a proposal removes nothing
        yield place, file_text(own.new, place).encode()


def _pending(
    repository: Repository, branch: str, parent: str, loaded: LoadedConfig
) -> Iterator[Difference]:
    """Yield what the last proposal, here or on the remote, would make of ``parent`` still.

    A place that has changed since it was made is left as it is.
    """
    found = repository.branch(branch)
    if found is None or repository.is_ancestor(found, parent):
        return
    last, before, now = (
        replace(_store_at(repository, repository.resolve(ref), loaded), parse=parse_proposed)
        for ref in (found, f"{found}^", parent)
    )
    for path, record in last.records().items():
        there = now.record(path)
        if record != there and before.record(path) == there:
            yield Difference(path, there, record)


def _store_at(repository: Repository, commit: str, loaded: LoadedConfig) -> Store:
    tree = Committed(repository, commit, repository.relative(loaded.root))
    return Store(tree, loaded.config.baseline.directory)


def message_of(proposal: Proposal) -> str:
    """Return the message of the commit: what changes, in figures, and why."""
    told = headline(proposal.difference)
    needs = "Needs a reason: a worse" if proposal.awaiting else "Renew the"
    body = render_terminal(proposal.differences)
    return (
        f"{needs} baseline of {proposal.record.service} ({told})\n\n"
        f"Proposed because {proposal.because}.\n\n{body}\n\n{TRAILER}\n"
    )


def summary_of(proposal: Proposal) -> str:
    """Return what a request for the proposal should say, as Markdown."""
    lines = [f"Proposed because {as_text(proposal.because)}.", ""]
    if proposal.awaiting:
        lines += [f"**It is worse, and needs a reason.** {REASON} and push:", ""]
        lines += fenced(reason_commands(proposal))
    return "\n".join([*lines, render_markdown(proposal.differences)]) + "\n"


def reason_commands(proposal: Proposal) -> list[str]:
    """Return the commands that give a proposal the reasons it awaits."""
    return [
        f'perfgate baseline accept {path} --allow-regression --reason "..."'
        for path in proposal.awaiting
    ]


def _refuse_foreign(repository: Repository, branch: str, parent: str) -> None:
    """Raise StoreError where the branch, here or on the remote, holds what others have added.

    What was merged already, though in other commits, is no loss.
    """
    for name in (branch, f"origin/{branch}"):
        found = repository.branch(name)
        if found is None:
            continue
        tip = repository.resolve(found)
        ours = repository.message(tip).rstrip().endswith(TRAILER)
        if not (ours or repository.is_ancestor(tip, parent) or repository.has_taken(parent, tip)):
            raise StoreError(
                f"the branch {name!r} has commits that no update made: {repository.describe(tip)}",
                hint="Merge or delete it first, or name another one: --branch NAME.",
            )
