"""Files of pytest-benchmark become times; those of record are found in git, or written there.

Nothing is judged but what may become the bar, and nothing is printed here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfgate.baseline.micro import AGAIN, micro_path, parse_micro, times_of
from perfgate.baseline.origin import of_record
from perfgate.baseline.store import held, write_text
from perfgate.baseline.tree import text_of
from perfgate.build.gitio import open_repository
from perfgate.errors import RefError, StoreError
from perfgate.measurement.benchmarks import read_benchmarks
from perfgate.verdict.finding import Outcome
from perfgate.verdict.micro import judge_micro

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from perfgate.baseline.micro import MicroRecord
    from perfgate.build.gitio import Repository
    from perfgate.config.load import LoadedConfig

FIRST = "Make the first ones here:  perfgate micro FILE --accept  and commit them."


def read_times(files: Sequence[Path], loaded: LoadedConfig, profile: str) -> MicroRecord:
    """Return the times in files of one or more runs; raises UsageError for what is none."""
    return times_of([read_benchmarks(file) for file in files], loaded.config.service, profile)


def times_of_record(now: MicroRecord, loaded: LoadedConfig, ref: str | None) -> MicroRecord:
    """Return the times of record for this CPU, where HEAD left the branch of record, or at ``ref``.

    Raises StoreError where there are none, or none that can be compared; RefError without the
    branch.
    """
    path = _path(now, loaded)
    with open_repository(loaded.root) as repository:
        commit = repository.resolve(ref) if ref else _bar(repository, loaded)
        within = repository.relative(path)
        content = repository.read_file(commit, within)
        called = f"{within} at {commit[:12]}"
        if content is None:
            names = repository.list_directory(commit, repository.relative(path.parent))
            raise _none_for(now, called, names)
    return comparable(now, _parsed(text_of(content, called), called, now))


def comparable(now: MicroRecord, then: MicroRecord) -> MicroRecord:
    """Return the older times; raises StoreError unless they are of this CPU and Python."""
    for what, old, new in (
        ("CPU", then.cpu_model, now.cpu_model),
        ("Python", then.python_series, now.python_series),
    ):
        if old != new:
            raise StoreError(
                f"these times are of another {what} ({new}) than those of record ({old})",
                hint=FIRST,
            )
    return then


def accept_times(now: MicroRecord, loaded: LoadedConfig, although: str) -> tuple[Path, MicroRecord]:
    """Store the times as those of record; return where they are stored, and as what.

    Held against those that are stored so far. Raises StoreError for times of uncommitted changes,
    and where a benchmark failed against the stored ones and ``although``, the reason to take it all
    the same, is "".
    """
    if now.dirty:
        raise StoreError(
            f"what was timed is no commit: {now.commit[:12]} had changes",
            hint="Commit the changes, time that commit, and accept those times.",
        )
    path = _path(now, loaded)
    with held(loaded.root / loaded.config.baseline.directory):
        record = now
        if path.exists():
            older = _parsed(text_of(path.read_bytes(), str(path)), str(path), now)
            record = _replacing(now, older, loaded, although)
        write_text(path, record.to_text())
    return path, record


def _replacing(
    now: MicroRecord, older: MicroRecord, loaded: LoadedConfig, although: str
) -> MicroRecord:
    if older.python_series != now.python_series:
        return now
    verdict = judge_micro(now, older, loaded.config.margins).verdict
    if verdict.outcome is not Outcome.FAIL:
        return now
    if not although:
        raise StoreError(
            f"these times are not accepted: {verdict.reason}",
            hint='To lower the bar on purpose: --accept --allow-regression --reason "..."',
        )
    return now.model_copy(update={"accepted_because": although}).sealed()


def _path(now: MicroRecord, loaded: LoadedConfig) -> Path:
    return micro_path(loaded.root / loaded.config.baseline.directory, now.profile, now.cpu_model)


def _bar(repository: Repository, loaded: LoadedConfig) -> str:
    branch = of_record(repository, loaded.config.baseline.branch)
    found = repository.merge_base("HEAD", branch)
    if found is None:
        raise RefError(
            f"HEAD shares no history here with {loaded.config.baseline.branch!r}",
            hint="In a shallow checkout: git fetch --unshallow; or name a ref: --ref REF.",
        )
    return found


def _parsed(text: str, called: str, now: MicroRecord) -> MicroRecord:
    record = parse_micro(text, called)
    place = (now.service, now.profile, now.cpu_model)
    if (record.service, record.profile, record.cpu_model) != place:
        raise StoreError(f"{called} has times of another place: it was copied there", hint=AGAIN)
    return record


def _none_for(now: MicroRecord, called: str, names: Sequence[str]) -> StoreError:
    others = [name.removesuffix(".json") for name in names if name.endswith(".json")]
    known = f", only of {', '.join(others)}" if others else ""
    return StoreError(f"{called}: no times of {now.cpu_model} are of record{known}", hint=FIRST)
