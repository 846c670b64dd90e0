"""A commit passes through and becomes a built directory in the cache, made once and found again.

Which commit is meant, and what its build is called, is decided by the caller.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from perfgate.build.cache import (
    KEPT_BUILDS,
    Place,
    locked,
    locked_if_free,
    places_on,
    shelf_of,
)
from perfgate.build.gitio import Repository, open_repository
from perfgate.build.recipe import run_recipe
from perfgate.errors import RefError, TargetError

if TYPE_CHECKING:
    from pathlib import Path

    from perfgate.build.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Source:
    """What is to be built: `commit` of the repository at `top`, and there the project's `part`.

    ``part`` is the project's directory as seen from the top, "." where they are the same.
    """

    top: Path
    commit: str
    part: str
    label: str


def build_commit(source: Source, recipe: Recipe, cache_root: Path) -> Path:
    """Return the directory of `source`'s project, built by `recipe` at its commit.

    A build made before is used again. Otherwise a worktree is checked out at its final place and
    built there; afterwards git knows nothing of it any more. Two runs never make the same build at
    once; what a killed run left behind is removed; the builds used last are kept.

    RefError when the commit lacks the project's directory; TargetError when the build fails, after
    which nothing of it is left.
    """
    with open_repository(source.top) as repository:
        _refuse_missing_part(repository, source)
        shelf = shelf_of(cache_root, repository.common_directory)
    place = Place(shelf / _name(source, recipe))
    with locked(place.lock):
        if not place.is_complete:
            _discard(place, source.top)
            _make(place, source, recipe)
        place.complete()
    tidy(shelf, source.top)
    return place.tree / source.part


def tidy(shelf: Path, top: Path, *, keep: int = KEPT_BUILDS) -> None:
    """Remove what killed runs left on `shelf`, and all builds but the `keep` used last.

    What another run is busy with is left alone.
    """
    places = places_on(shelf)
    complete = [place for place in places if place.is_complete]
    stale = {place: place.used_ns for place in complete[keep:]}
    with open_repository(top) as repository:
        trees = repository.worktrees()
    known = {Place(tree.parent) for tree in trees if tree.parent.parent == shelf}
    for place in {*places, *known}:
        with locked_if_free(place.lock) as free:
            # Asked again under the lock: another run may have just built or used it.
            if free and (not place.is_complete or stale.get(place) == place.used_ns):
                _discard(place, top)


def _name(source: Source, recipe: Recipe) -> str:
    # Two projects of one repository may have the same command, but not the same directory.
    whole = "\0".join((source.commit, source.part, recipe.key))
    return f"{source.commit[:12]}-{sha256(whole.encode()).hexdigest()[:16]}"


def _refuse_missing_part(repository: Repository, source: Source) -> None:
    if not repository.is_directory(source.commit, source.part):
        raise RefError(
            f"{source.label}: there is no directory {source.part!r} in this commit",
            hint="The project lies elsewhere in it; choose a later commit, or build that one "
            "yourself and name its directory.",
        )


def _make(place: Place, source: Source, recipe: Recipe) -> None:
    place.prepare()
    try:
        with open_repository(source.top) as repository:
            repository.add_worktree(place.tree, source.commit)
        run_recipe(recipe, place.tree / source.part, source.label)
        _detach(place, source.top)
        _refuse_vanished(place.tree / source.part, source.label)
    except OSError as error:
        _discard(place, source.top)
        raise TargetError(
            f"{source.label}: {error.filename or place.tree}: {error.strerror}",
            hint="Look for free space; a build command must not move or remove its directory.",
        ) from error
    except BaseException:
        _discard(place, source.top)
        raise


def _refuse_vanished(directory: Path, label: str) -> None:
    if not directory.is_dir():
        raise TargetError(
            f"{label}: the build command removed the project's directory",
            hint="A build is started where it was built; leave the directory in place.",
        )


def _detach(place: Place, top: Path) -> None:
    """Make git forget the worktree, which stays where it is.

    It is out of the way while git forgets it, for git would remove it, too.
    """
    aside = place.directory / "aside"
    place.tree.rename(aside)
    (aside / ".git").unlink(missing_ok=True)
    with open_repository(top) as repository:
        repository.forget_worktree(place.tree)
    aside.rename(place.tree)


def _discard(place: Place, top: Path) -> None:
    place.clear()
    with open_repository(top) as repository:
        repository.forget_worktree(place.tree)
