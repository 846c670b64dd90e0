"""What the user asked to measure passes through and becomes a build: a directory, ready to start.

Nothing is started or measured here.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from perfgate.build.cache import locked
from perfgate.build.gitio import open_repository
from perfgate.build.images import DIGEST
from perfgate.build.recipe import read_recipe, run_recipe
from perfgate.build.worktree import Source, build_commit
from perfgate.errors import NoRepositoryError, UsageError
from perfgate.tail import escaped, shortened

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from perfgate.build.gitio import Repository
    from perfgate.build.recipe import Recipe
    from perfgate.config.models import Target

WORKING_TREE = "working tree"
_NAMES_WIDTH = 40


@dataclass(frozen=True, slots=True)
class WorkingTree:
    """The project as it lies there, changes included."""


@dataclass(frozen=True, slots=True)
class Ref:
    """A commit, by any name git knows it by."""

    text: str


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory that holds the project already; it may be in no repository at all."""

    path: Path


@dataclass(frozen=True, slots=True)
class ImageName:
    """An image of a container, by its digest."""

    text: str


BuildSpec = WorkingTree | Ref | Directory | ImageName


@dataclass(frozen=True, slots=True)
class Build:
    """One version of the service, in a directory from which it can be started.

    ``name`` is what the user calls it, ``label`` what messages call it (safe to print). ``commit``
    is the full hash, None where none is known; ``dirty`` says that the files differ from it.
    ``digest`` tells the project's files in that commit, and how they are built, from any others:
    the same in each commit that has the same. Where the build is an image, it is that one's, and
    ``image`` what the engine knows it by.
    """

    name: str
    directory: Path
    commit: str | None
    dirty: bool
    label: str
    digest: str | None = None
    image: str | None = None


def read_spec(text: str, cwd: Path) -> BuildSpec:
    """Return what `text` from the command line means.

    "." is the working tree; what begins with "/", "./", "../" or "~/" is a directory, relative to
    `cwd`; what has a digest is an image; all else is a ref. UsageError when there is no such
    directory.
    """
    if text == ".":
        return WorkingTree()
    if f"@{DIGEST}" in text:
        return ImageName(text)
    if not text.startswith(("/", "./", "../", "~/")) and text != "..":
        return Ref(text)
    path = (cwd / Path(text).expanduser()).resolve()
    if not path.is_dir():
        raise UsageError(
            f"{text!r} is not a directory",
            hint="Name a directory that holds the project, '.', or a git ref.",
        )
    return Directory(path)


def provide_build(
    spec: BuildSpec, target: Target, root: Path, cache_root: Path, environ: Mapping[str, str]
) -> Build:
    """Return the build that `spec` asks for, made by the target's build command where it has one.

    `root` is the project's directory (where its configuration is), anywhere in its repository. The
    working tree and directories are built in place, each time; a ref is built once, in a worktree
    under `cache_root`, and found there again. `environ` is the environment to scrub.

    UsageError, RefError and TargetError tell why there is no build; then nothing half-made is left
    in the cache.
    """
    if target.url is not None:
        refuse_to_start(spec, target.url)
        # Nobody here knows which build it is.
        return Build(target.url, root, None, dirty=False, label=target.url)
    recipe = read_recipe(target, environ)
    match spec:
        case ImageName(text):
            raise UsageError(
                f"{text!r} is an image, and builds are started by target.start",
                hint="Give perfgate.toml a [target.container]: that runs images.",
            )
        case WorkingTree():
            build = _working_tree(root.resolve(), target)
        case Directory(path):
            build = Build(str(path), path, None, dirty=False, label=escaped(str(path)))
        case Ref(text):
            return _from_ref(text, target, recipe, root, cache_root)
    _build_in_place(build, recipe, cache_root)
    return build


def refuse_to_start(spec: BuildSpec, url: str) -> None:
    """Raise UsageError for a build that is named, where what answers at ``url`` is measured."""
    if isinstance(spec, WorkingTree):
        return
    named = str(spec.path) if isinstance(spec, Directory) else spec.text
    raise UsageError(
        f"{named!r} cannot be started: target.url = {url} is a service that runs already",
        hint="Name no build; or, to measure builds, say in target.start how one is started.",
    )


def _working_tree(root: Path, target: Target) -> Build:
    """Describe the working tree; before the build command runs, for that may leave files."""
    build = read_tree(root)
    if build.commit is None or build.dirty:
        return build
    with open_repository(root) as repository:
        digest = _digest(repository, build.commit, repository.relative(root), target)
    return replace(build, digest=digest)


def read_tree(root: Path) -> Build:
    """Return the working tree as it lies there, without a digest."""
    try:
        with open_repository(root) as repository:
            commit, dirty = repository.head(), repository.is_dirty()
            described = repository.describe(commit) if commit else "no commit yet"
    except NoRepositoryError:
        # The working tree can be measured without git; whoever needs a commit will ask git, and
        # is told what is wrong.
        return Build(WORKING_TREE, root, None, dirty=False, label=WORKING_TREE)
    changes = ", with changes" if dirty else ""
    label = f"{WORKING_TREE} ({described}{changes})"
    return Build(WORKING_TREE, root, commit, dirty, label)


def _from_ref(text: str, target: Target, recipe: Recipe, root: Path, cache_root: Path) -> Build:
    with open_repository(root) as repository:
        commit = repository.resolve(text)
        described = repository.describe(commit)
        part = repository.relative(root)
        top = repository.top
        digest = _digest(repository, commit, part, target)
        modules = repository.submodules(commit)
    # Who names a commit by its hash need not read it twice.
    label = described if commit.startswith(text) else f"{escaped(text)} ({described})"
    source = Source(top, commit, part, _without(modules, label))
    directory = build_commit(source, recipe, cache_root)
    tree = directory if part == "." else directory.parents[part.count("/")]
    label = _without([path for path in modules if _is_empty(tree / path)], label)
    return Build(text, directory, commit, dirty=False, label=label, digest=digest)


def _without(empty: Sequence[str], label: str) -> str:
    """Return the label of a build with those of its submodules that are empty, if any are."""
    if not empty:
        return label
    names = shortened(escaped(", ".join(empty)), _NAMES_WIDTH)
    return f"{label}, submodule{'s' if len(empty) > 1 else ''} {names} empty"


def _is_empty(directory: Path) -> bool:
    return directory.is_dir() and not any(directory.iterdir())


def _digest(repository: Repository, commit: str, part: str, target: Target) -> str | None:
    tree = repository.tree_id(commit, part)
    if tree is None:
        return None
    # No variables that are passed on: they may be secrets, and a digest is published.
    made_of = json.dumps([tree, target.build, target.env], sort_keys=True)
    return sha256(made_of.encode()).hexdigest()[:16]


def _build_in_place(build: Build, recipe: Recipe, cache_root: Path) -> None:
    if not recipe.argv:
        return
    digest = sha256(os.fsencode(build.directory)).hexdigest()[:16]
    with locked(cache_root / "builds" / f"in-place-{digest}.lock"):
        run_recipe(recipe, build.directory, build.label)
