"""What the user asks for becomes an order: configuration, ledger, baseline and builds, found.

Nothing is started here but build commands.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from perfgate.baseline.store import find_baseline
from perfgate.build.cache import default_cache_root
from perfgate.build.gitio import open_repository
from perfgate.build.provide import Directory, Ref, WorkingTree, provide_build, read_spec
from perfgate.config.load import load_config
from perfgate.demand.ledger import load_ledger
from perfgate.errors import RefError, StoreError, UsageError
from perfgate.gate import Order
from perfgate.verdict.case import Terms

if TYPE_CHECKING:
    from datetime import date

    from perfgate.baseline.store import StoredBaseline
    from perfgate.build.gitio import Repository
    from perfgate.build.provide import Build, BuildSpec
    from perfgate.config.load import LoadedConfig
    from perfgate.measurement.models import Environment
    from perfgate.progress import Progress

FIRST_BASELINE = (
    "Make the first one:  perfgate measure --output first.json && perfgate baseline accept "
    "first.json  and commit it; or compare with a commit: --base REF."
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line says, unresolved."""

    config: Path | None
    profile: str
    candidate: str
    base: str | None
    on: date


def load_named(config: Path | None, profile: str) -> LoadedConfig:
    """Return the configuration, proved to have the profile; raises UsageError otherwise."""
    loaded = load_config(config, Path.cwd())
    if profile not in loaded.config.profiles:
        known = ", ".join(sorted(loaded.config.profiles))
        raise UsageError(
            f"{loaded.path}: there is no profile {profile!r}", hint=f"There are: {known}."
        )
    return loaded


def comparing_order(wish: Wish, environment: Environment, progress: Progress) -> Order:
    """Return the order of a check: the candidate beside its base.

    The base is ``wish.base``, else the stored baseline's commit. Raises StoreError where neither
    is there, RefError for a commit that cannot be reached, TargetError for a failed build.
    """
    loaded = load_named(wish.config, wish.profile)
    candidate = read_spec(wish.candidate, Path.cwd())
    stored = _stored(loaded, wish, candidate, environment)
    base: BuildSpec
    if wish.base is not None:
        base = read_spec(wish.base, Path.cwd())
    elif stored is not None:
        base = Ref(stored.record.commit)
    else:
        raise StoreError(
            f"there is no baseline in {loaded.config.baseline.directory}/{wish.profile}/ on "
            f"the branch {loaded.config.baseline.branch!r}",
            hint=FIRST_BASELINE,
        )
    return _order(loaded, wish, (candidate, base), stored, environment, progress)


def solitary_order(wish: Wish, environment: Environment, progress: Progress) -> Order:
    """Return the order of a measurement of the candidate alone."""
    loaded = load_named(wish.config, wish.profile)
    candidate = read_spec(wish.candidate, Path.cwd())
    return _order(loaded, wish, (candidate, None), None, environment, progress)


def _order(
    loaded: LoadedConfig,
    wish: Wish,
    specs: tuple[BuildSpec, BuildSpec | None],
    stored: StoredBaseline | None,
    environment: Environment,
    progress: Progress,
) -> Order:
    ledger = load_ledger(loaded.root / loaded.config.demand.ledger)
    builds = [None if spec is None else _build(spec, loaded, progress) for spec in specs]
    candidate, base = builds
    if candidate is None:
        raise UsageError("there is no candidate")
    terms = Terms(
        config=loaded.config,
        ledger=ledger,
        on=wish.on,
        baseline=stored.record if stored else None,
        baseline_comparable=stored.same_environment if stored else False,
    )
    return Order(terms, wish.profile, candidate, base, environment)


def _build(spec: BuildSpec, loaded: LoadedConfig, progress: Progress) -> Build:
    progress.stage(f"build {_named(spec)}", 0.0)
    cache = default_cache_root(os.environ)
    return provide_build(spec, loaded.config.target, loaded.root, cache, os.environ)


def _named(spec: BuildSpec) -> str:
    match spec:
        case WorkingTree():
            return "working tree"
        case Directory(path):
            return str(path)
        case Ref(text):
            return text[:12] if len(text) == 40 else text  # noqa: PLR2004 - a full hash


def _stored(
    loaded: LoadedConfig, wish: Wish, candidate: BuildSpec, environment: Environment
) -> StoredBaseline | None:
    """Return the stored baseline as it was where the candidate left the branch."""
    try:
        with open_repository(loaded.root) as repository:
            commit = _bar(repository, loaded, wish, candidate)
            directory = f"{loaded.config.baseline.directory}/{wish.profile}"
            within = repository.relative(loaded.root)
            path = directory if within == "." else f"{within}/{directory}"
            return None if commit is None else find_baseline(repository, commit, path, environment)
    except UsageError:
        if wish.base is None:
            raise
        return None  # no repository, hence no store; but there is a base to compare with


def _bar(
    repository: Repository, loaded: LoadedConfig, wish: Wish, candidate: BuildSpec
) -> str | None:
    """Return the commit whose baselines count: the merge base of candidate and branch or base."""
    own = repository.resolve(candidate.text) if isinstance(candidate, Ref) else repository.head()
    if own is None:
        return None
    base = None if wish.base is None else read_spec(wish.base, Path.cwd())
    other = base.text if isinstance(base, Ref) else _branch(repository, loaded)
    found = repository.merge_base(own, other)
    if found is None and wish.base is None:
        raise RefError(
            f"the candidate shares no history here with {other!r}, so no baseline can be found",
            hint="In a shallow checkout: git fetch --unshallow; or name a base: --base REF.",
        )
    return found


def _branch(repository: Repository, loaded: LoadedConfig) -> str:
    """Return the branch of record as it is called here: local, or only on the remote."""
    branch = loaded.config.baseline.branch
    for name in (branch, f"origin/{branch}"):
        try:
            repository.resolve(name)
        except RefError:
            continue
        return name
    raise RefError(
        f"the branch {branch!r}, where baselines are kept, is not in this checkout",
        hint=f"git fetch origin {branch}; or set baseline.branch; or name a base: --base REF.",
    )
