"""A wish becomes an order: the stored baseline found, and both builds ready to start.

Nothing is started here but build commands.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from perfgate.baseline.hashes import profile_hash, short_hash
from perfgate.baseline.store import find_baseline
from perfgate.build.cache import default_cache_root
from perfgate.build.contained import contained_build
from perfgate.build.gitio import open_repository
from perfgate.build.provide import (
    Directory,
    ImageName,
    Ref,
    WorkingTree,
    provide_build,
    read_spec,
    refuse_to_start,
)
from perfgate.config.load import PYPROJECT_NAME, PYPROJECT_TABLE
from perfgate.errors import NoRepositoryError, RefError, StoreError, TargetError, UsageError
from perfgate.gate import Order
from perfgate.measurement.models import Conditions
from perfgate.verdict.case import STORED_ASKED, Terms, mix_of
from perfgate.verdict.written import Written

if TYPE_CHECKING:
    from perfgate.baseline.store import StoredBaseline
    from perfgate.build.gitio import Repository
    from perfgate.build.provide import Build, BuildSpec
    from perfgate.config.load import LoadedConfig
    from perfgate.measurement.models import Environment
    from perfgate.progress import Progress
    from perfgate.wish import Wish

FIRST_BASELINE = (
    "Make the first one:  perfgate measure --output ../first.json && perfgate baseline accept "
    "../first.json  and commit it; or compare with a commit: --base REF."
)
# So that a record of them is short, and reads back the same.
SHARE_DIGITS = 6
BASE_UNBUILT = (
    "Or hold the candidate against the stored figures alone, which tell large losses only: "
    "perfgate check --stored."
)


@dataclass(frozen=True, slots=True)
class Found:
    """What a wish names, and it is there: builds, none of them made yet, and the stored baseline.

    ``base`` is None where the stored baseline's commit, or nothing, is measured beside.
    """

    candidate: BuildSpec
    base: BuildSpec | None = None
    stored: StoredBaseline | None = None


def found_to_compare(wish: Wish, environment: Environment) -> Found:
    """Return what a check measures and is held against; nothing is built.

    The base is ``wish.base``, else the stored baseline's commit; a quick check needs neither. What
    runs already, at a URL, is measured alone.
    Raises StoreError where there is neither base nor baseline, RefError for a commit that is named
    and cannot be reached, UsageError for a build that cannot be had.
    """
    candidate = read_spec(wish.candidate, Path.cwd())
    base = None if wish.base is None else read_spec(wish.base, Path.cwd())
    url = wish.loaded.config.target.url
    if url is not None:
        if wish.stored:
            raise UsageError(
                "--stored: no stored baseline can be held against what answers at target.url, for "
                "nobody knows which CPUs it has",
                hint="Leave it out; or say in target.start how the service is started.",
            )
        for spec in (candidate,) if base is None else (candidate, base):
            refuse_to_start(spec, url)
        return Found(candidate)
    stored = _stored(wish, candidate, base, environment)
    if base is None and stored is None and not wish.quick:
        store = wish.loaded.config.baseline
        raise StoreError(
            f"there is no baseline in {store.directory}/{wish.profile}/ on the branch "
            f"{store.branch!r}",
            hint=FIRST_BASELINE,
        )
    return Found(candidate, base, stored)


def found_alone(wish: Wish) -> Found:
    """Return the candidate, to be measured alone; nothing is built.

    Raises RefError for a commit that cannot be reached, UsageError for a build that cannot be had.
    """
    candidate = read_spec(wish.candidate, Path.cwd())
    url = wish.loaded.config.target.url
    if url is not None:
        refuse_to_start(candidate, url)
    elif isinstance(candidate, Ref):
        with open_repository(wish.loaded.root) as repository:
            repository.resolve(candidate.text)
    return Found(candidate)


def order_for(wish: Wish, found: Found, environment: Environment, progress: Progress) -> Order:
    """Return the order of what was found, its builds made.

    Where the stored baseline's commit cannot be reached, or the wish is so, the candidate is
    measured alone and the stored baseline decides; a quick check asks for neither.
    Raises TargetError for a failed build, of the stored baseline's too.
    """
    candidate = provided(found.candidate, wish.loaded, progress)
    base = None if found.base is None else provided(found.base, wish.loaded, progress)
    terms = _terms(wish, found.stored, environment)
    order = replace(order_of(wish, candidate, base, environment), terms=terms)
    if found.stored is None or base is not None or wish.quick:
        return order
    return _beside(order, found.stored, wish, progress)


def _beside(order: Order, stored: StoredBaseline, wish: Wish, progress: Progress) -> Order:
    """Return the order with the stored baseline's commit as base, or why there is none."""
    commit = stored.record.commit
    if wish.stored:
        because = STORED_ASKED
    else:
        try:
            return replace(order, base=provided(Ref(commit), wish.loaded, progress))
        except RefError as error:
            because = f"as its commit cannot be reached: {error.message.splitlines()[0]}"
            told = f"the stored baseline decides alone, {because}"
            progress.learned(f"{told}. {error.hint}")
        except TargetError as error:
            # Whoever's doing it is: the stored figures alone would let far larger losses pass.
            raise TargetError(
                f"the stored baseline's commit cannot be built: {error.message}",
                hint=f"{error.hint} {BASE_UNBUILT}".lstrip(),
            ) from error
    return replace(order, terms=order.terms.model_copy(update={"stored_because": because}))


def stored_baseline(wish: Wish, environment: Environment) -> StoredBaseline | None:
    """Return the stored baseline that a check would hold the candidate against, None without one.

    Nothing is built. Raises RefError and StoreError as :func:`found_to_compare` does.
    """
    return _stored(wish, read_spec(wish.candidate, Path.cwd()), None, environment)


def twin_order(wish: Wish, sessions: int, environment: Environment, progress: Progress) -> Order:
    """Return the order of so many sessions of the candidate beside itself, with no look before.

    Raises RefError for a commit that cannot be reached, TargetError for a failed build, UsageError
    where nothing can be started.
    """
    url = wish.loaded.config.target.url
    if url is not None:
        raise UsageError(
            f"target.url = {url} is one service, and two that were started alike are needed",
            hint="Say in target.start how it is started.",
        )
    order = order_for(wish, found_alone(wish), environment, progress)
    shape = order.shape.model_copy(update={"looks": (sessions,)})
    # However long they take: what the budget of a check affords is to be found out.
    budget = order.terms.config.budget.model_copy(update={"sessions_s": math.inf})
    config = order.terms.config.model_copy(
        update={"profiles": {order.profile: shape}, "budget": budget}
    )
    terms = order.terms.model_copy(update={"config": config})
    return replace(order, terms=terms, base=order.candidate)


def order_of(wish: Wish, candidate: Build, base: Build | None, environment: Environment) -> Order:
    """Return the order of builds that are there, without any stored baseline."""
    return Order(
        terms=_terms(wish, None, environment),
        profile=wish.profile,
        candidate=candidate,
        base=base,
        environment=environment,
        conditions=conditions_of(wish),
        recorded_s=wish.recorded_s,
    )


def _terms(wish: Wish, stored: StoredBaseline | None, environment: Environment) -> Terms:
    """Return what the measurement is held to, with the stored baseline where there is one."""
    config_file, ledger_file = _files(wish)
    terms = Terms(
        config=wish.loaded.config,
        ledger=wish.ledger,
        on=wish.on,
        quick=wish.quick,
        config_file=config_file,
        ledger_file=ledger_file,
    )
    if stored is None:
        return terms
    held_to = {
        "baseline": stored.record,
        "baseline_comparable": stored.same_environment,
        "baseline_differs": stored.record.differs_under(conditions_of(wish), environment),
    }
    return terms.model_copy(update=held_to)


def conditions_of(wish: Wish) -> Conditions:
    """Return what the load will be made from."""
    loaded = wish.loaded
    terms = Terms(config=loaded.config, ledger=wish.ledger, on=wish.on)
    return Conditions(
        profile_hash=profile_hash(loaded.config.profiles[wish.profile]),
        locustfile_hash=short_hash((loaded.root / loaded.config.load.locustfile).read_bytes()),
        mix={name: round(share, SHARE_DIGITS) for name, share in mix_of(terms).items()},
    )


def _files(wish: Wish) -> tuple[Written, Written]:
    """Return where the keys of configuration and ledger stand, as seen from the repository's top.

    Without a repository they are seen from the configuration's directory.
    """
    paths = wish.loaded.path.absolute(), wish.ledger_path
    try:
        with open_repository(wish.loaded.root) as repository:
            names = [repository.relative(path) for path in paths]
    except UsageError:
        names = [os.path.relpath(path, wish.loaded.root) for path in paths]
    tables = PYPROJECT_TABLE if paths[0].name == PYPROJECT_NAME else (), ()
    config_file, ledger_file = (
        Written.of(name, path.read_text(encoding="utf-8"), under)
        for name, path, under in zip(names, paths, tables, strict=True)
    )
    return config_file, ledger_file


def provided(spec: BuildSpec, loaded: LoadedConfig, progress: Progress) -> Build:
    """Return the build, made now where it is not in the cache.

    Raises RefError for a commit that cannot be reached, TargetError for a failed build.
    """
    progress.stage(f"build {_named(spec)}", 0.0)
    container = loaded.config.target.container
    if container is not None:
        return contained_build(spec, loaded, container)
    cache = default_cache_root(os.environ)
    return provide_build(spec, loaded.config.target, loaded.root, cache, os.environ)


def _named(spec: BuildSpec) -> str:
    match spec:
        case WorkingTree():
            return "working tree"
        case Directory(path):
            return str(path)
        case ImageName(text):
            return text
        case Ref(text):
            return text[:12] if len(text) == 40 else text  # noqa: PLR2004 - a full hash


def _stored(
    wish: Wish, candidate: BuildSpec, base: BuildSpec | None, environment: Environment
) -> StoredBaseline | None:
    """Return the stored baseline as it was where the candidate left the branch."""
    root, store = wish.loaded.root, wish.loaded.config.baseline
    try:
        with open_repository(root) as repository:
            commit = _bar(repository, candidate, base, store.branch, needed=not wish.quick)
            directory = f"{store.directory}/{wish.profile}"
            within = repository.relative(root)
            path = directory if within == "." else f"{within}/{directory}"
            found = None if commit is None else find_baseline(repository, commit, path, environment)
    except NoRepositoryError:
        named = isinstance(candidate, Ref) or isinstance(base, Ref)
        if named or (base is None and not wish.quick):
            raise
        return None  # no repository, hence no store; but nothing depends on it
    if found is not None and found.record.service != wish.loaded.config.service:
        raise StoreError(
            f"{found.path} is a baseline of {found.record.service!r}, not of "
            f"{wish.loaded.config.service!r}",
            hint="Set the service's name right, or keep its baselines in a directory of its own.",
        )
    return found


def _bar(
    repository: Repository,
    candidate: BuildSpec,
    base: BuildSpec | None,
    branch: str,
    *,
    needed: bool,
) -> str | None:
    """Return the commit whose baselines count: the merge base of candidate and branch or base.

    Raises RefError where there is none, but is ``needed``.
    """
    # Both are looked up now: a build takes long, and a slip of the finger is to be told before it.
    other = repository.resolve(base.text) if isinstance(base, Ref) else repository.branch(branch)
    own = repository.resolve(candidate.text) if isinstance(candidate, Ref) else repository.head()
    if own is None:
        return None
    found = None if other is None else repository.merge_base(own, other)
    if found is None and base is None and needed:
        raise _no_bar(other, branch)
    return found


def _no_bar(found: str | None, branch: str) -> RefError:
    if found is None:
        return RefError(
            f"the branch {branch!r}, where baselines are kept, is not in this checkout",
            hint=f"git fetch origin {branch}:refs/remotes/origin/{branch}; or set baseline.branch; "
            "or name a base: --base REF.",
        )
    return RefError(
        f"the candidate shares no history here with {found!r}, so no baseline can be found",
        hint="In a shallow checkout: git fetch --unshallow; or name a base: --base REF.",
    )
