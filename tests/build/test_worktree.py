"""The laws of building a commit beside the working tree, with real git and real builds."""

from __future__ import annotations

import os
import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest
from real_repository import (
    Checkout,
    alive_with,
    eventually,
    make_repository,
    shallow_clone,
    start_providing,
)

from perfgate.build.cache import Place, locked, places_on, shelf_of
from perfgate.build.recipe import Recipe, read_recipe
from perfgate.build.worktree import Source, build_commit, tidy
from perfgate.config.models import Target
from perfgate.errors import RefError, TargetError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """Return a repository with a project in a subdirectory, at a path with odd characters."""
    made = make_repository(tmp_path / "r\u00e9po with spaces")
    made.commit("First", **{"version": "1", "services__auth__app.py": "v1"})
    return made


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Return a cache root with odd characters that does not exist yet."""
    return tmp_path / "c\u00e4che root"


def recipe(script: str = "pwd -P > built", **env: str) -> Recipe:
    """Return the recipe that runs a shell script."""
    target = Target(start="true", build=f"sh -c {shlex.quote(script)}", env=env)
    return read_recipe(target, os.environ)


def source(checkout: Checkout, ref: str = "HEAD", part: str = ".") -> Source:
    """Return what to build: a commit of `checkout`."""
    return Source(checkout.path, checkout.git("rev-parse", ref), part, f"base {ref}")


def shelf(checkout: Checkout, cache: Path) -> Path:
    """Return where the builds of `checkout` are kept."""
    return shelf_of(cache, checkout.path / ".git")


def kept(checkout: Checkout, cache: Path) -> list[str]:
    """Return all that is on the shelf, locks included."""
    where = shelf(checkout, cache)
    return sorted(os.listdir(where)) if where.exists() else []  # noqa: PTH208 - names suffice


# Making


def test_a_commit_is_built_at_its_final_place(checkout: Checkout, cache: Path) -> None:
    """The build holds the commit's files, and saw the very path it is started from."""
    first = source(checkout)
    checkout.commit("Second", version="2")
    directory = build_commit(first, recipe(), cache)
    assert (directory / "version").read_text() == "1"
    assert (directory / "built").read_text() == f"{directory}\n"
    assert directory.is_relative_to(cache)


def test_git_knows_nothing_afterwards(checkout: Checkout, cache: Path) -> None:
    """No worktree stays registered, none is pruned later, and the user's tree is untouched."""
    checkout.write("version", "changed")
    directory = build_commit(source(checkout), recipe(), cache)
    assert checkout.worktrees() == [str(checkout.path)]
    assert not (checkout.path / ".git" / "worktrees").exists()
    assert not (directory / ".git").exists()
    assert checkout.git("status", "--porcelain") == "M version"
    assert checkout.git("branch", "--show-current") == "main"


def test_a_project_in_a_subdirectory_is_built_there(checkout: Checkout, cache: Path) -> None:
    """The directory is the project's; its neighbours in the repository are there, too."""
    directory = build_commit(source(checkout, part="services/auth"), recipe(), cache)
    assert (directory / "built").read_text() == f"{directory}\n"
    assert (directory / "app.py").read_text() == "v1"
    assert (directory / ".." / ".." / "version").read_text() == "1"


def test_a_commit_without_the_project_is_a_ref_error(checkout: Checkout, cache: Path) -> None:
    """Where the project was not there yet, that is said, and nothing is made."""
    with pytest.raises(RefError, match="no directory 'services/other'") as caught:
        build_commit(source(checkout, part="services/other"), recipe(), cache)
    assert caught.value.hint
    assert kept(checkout, cache) == []


def test_a_shallow_clone_can_be_built_from(checkout: Checkout, cache: Path, tmp_path: Path) -> None:
    """The commit that a job has is enough."""
    checkout.commit("Second", version="2")
    clone = shallow_clone(checkout, tmp_path / "shallow")
    directory = build_commit(source(clone), recipe(), cache)
    assert (directory / "version").read_text() == "2"
    assert clone.worktrees() == [str(clone.path)]


def test_a_linked_worktree_can_be_built_from(
    checkout: Checkout, cache: Path, tmp_path: Path
) -> None:
    """A worktree of the user's shares its builds with the others, and stays registered."""
    linked = Checkout(tmp_path / "linked")
    checkout.git("worktree", "add", "--quiet", "--detach", str(linked.path))
    here = build_commit(source(checkout), recipe(), cache)
    there = build_commit(source(linked), recipe(), cache)
    assert here == there
    assert checkout.worktrees() == [str(checkout.path), str(linked.path)]


def test_a_build_may_ask_git(checkout: Checkout, cache: Path) -> None:
    """While it is built, the worktree is one: a version can be read from git."""
    directory = build_commit(source(checkout), recipe("git rev-parse HEAD > built"), cache)
    assert (directory / "built").read_text().strip() == checkout.git("rev-parse", "HEAD")


def test_no_command_leaves_a_plain_checkout(checkout: Checkout, cache: Path) -> None:
    """A service that needs no build is checked out, and that is all."""
    directory = build_commit(source(checkout), read_recipe(Target(start="true"), {}), cache)
    assert sorted(path.name for path in directory.iterdir()) == ["services", "version"]


# Finding again


def test_a_build_is_made_once(checkout: Checkout, cache: Path, tmp_path: Path) -> None:
    """The same commit, command and environment are built once and found ever after."""
    script = f"echo built >> '{tmp_path}/count'"
    first = build_commit(source(checkout), recipe(script), cache)
    assert build_commit(source(checkout), recipe(script), cache) == first
    assert (tmp_path / "count").read_text() == "built\n"


def test_what_differs_is_another_build(checkout: Checkout, cache: Path) -> None:
    """Another commit, command, environment or part of the repository is another directory."""
    first = source(checkout)
    checkout.commit("Second", version="2")
    directories = {
        build_commit(first, recipe(), cache),
        build_commit(source(checkout), recipe(), cache),
        build_commit(first, recipe("true"), cache),
        build_commit(first, recipe(MODE="fast"), cache),
        build_commit(source(checkout, "HEAD~1", "services/auth"), recipe(), cache),
    }
    assert len(directories) == 5
    assert len(places_on(shelf(checkout, cache))) == 5


def test_two_runs_build_once(checkout: Checkout, cache: Path, tmp_path: Path) -> None:
    """Runs that want the same build at the same time make it once, and both have it."""
    command = shlex.join(["sh", "-c", f"echo built >> '{tmp_path}/count'; sleep 0.5"])
    runs = [start_providing(checkout.path, cache, "HEAD", command) for _ in range(3)]
    outcomes = [run.communicate() for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0], outcomes
    assert len({directory for directory, _ in outcomes}) == 1
    assert (tmp_path / "count").read_text() == "built\n"
    assert checkout.worktrees() == [str(checkout.path)]
    assert len(kept(checkout, cache)) == 1


def test_the_builds_used_last_are_kept(checkout: Checkout, cache: Path) -> None:
    """Eight builds are kept; the one that was not used for longest goes first."""
    made = [build_commit(source(checkout), recipe(f": {n}"), cache) for n in range(8)]
    again = build_commit(source(checkout), recipe(": 0"), cache)
    newest = build_commit(source(checkout), recipe(": new"), cache)
    assert again == made[0]
    assert [directory.is_dir() for directory in made] == [True, False] + [True] * 6
    assert newest.is_dir()
    assert len(kept(checkout, cache)) == 8


def test_a_build_somebody_is_at_is_not_tidied_away(checkout: Checkout, cache: Path) -> None:
    """What another run holds stays, even when it is not complete or used too long ago."""
    directory = build_commit(source(checkout), recipe(), cache)
    half = Place(shelf(checkout, cache) / "half")
    half.prepare()
    with locked(half.lock), locked(Place(directory.parent).lock):
        tidy(shelf(checkout, cache), checkout.path, keep=0)
        assert directory.is_dir()
        assert half.directory.is_dir()
    tidy(shelf(checkout, cache), checkout.path, keep=0)
    assert kept(checkout, cache) == []


# Failing


def failing(checkout: Checkout, cache: Path, script: str) -> TargetError:
    """Return the error of a build that must fail, after seeing that it left nothing."""
    with pytest.raises(TargetError) as caught:
        build_commit(source(checkout), recipe(script), cache)
    assert kept(checkout, cache) == []
    assert checkout.worktrees() == [str(checkout.path)]
    # Git itself leaves the directory, empty, when its own checkout fails.
    assert list(checkout.path.glob(".git/worktrees/*")) == []
    return caught.value


def test_a_failed_build_leaves_nothing(checkout: Checkout, cache: Path) -> None:
    """After a failure neither directory, lock nor worktree is left, and the log was shown."""
    error = failing(checkout, cache, "mkdir -p a/b; chmod 0 a; echo broken; exit 2")
    assert error.message.startswith("base HEAD: build command ended with exit code 2")
    assert error.message.endswith("  | broken")


def test_a_failure_is_not_remembered(checkout: Checkout, cache: Path, tmp_path: Path) -> None:
    """A build that failed is tried again, and found when it works."""
    script = f"test -e '{tmp_path}/mended'"
    failing(checkout, cache, script)
    (tmp_path / "mended").touch()
    assert build_commit(source(checkout), recipe(script), cache).is_dir()


def test_a_missing_command_leaves_nothing(checkout: Checkout, cache: Path) -> None:
    """A build command that is not found fails like any other."""
    missing = read_recipe(Target(start="true", build="no-such-program-xyz"), os.environ)
    with pytest.raises(TargetError, match="not found"):
        build_commit(source(checkout), missing, cache)
    assert kept(checkout, cache) == []
    assert checkout.worktrees() == [str(checkout.path)]


@pytest.mark.parametrize(
    "script",
    [
        'rm -rf "$PWD"',
        'mv "$PWD" "$PWD-moved"',
        "rm .git; mkdir -p .git/x",
    ],
)
def test_a_build_that_takes_its_directory_away_fails(
    checkout: Checkout, cache: Path, script: str
) -> None:
    """A build that pulls the ground from under itself is a failed build, not a bug."""
    assert failing(checkout, cache, script).hint


def test_a_build_without_the_projects_directory_fails(checkout: Checkout, cache: Path) -> None:
    """There must be something to start from."""
    gone = recipe('rm -rf "$PWD"')
    with pytest.raises(TargetError, match="removed the project's directory"):
        build_commit(source(checkout, part="services/auth"), gone, cache)
    assert kept(checkout, cache) == []


def test_a_checkout_that_fails_leaves_nothing(checkout: Checkout, cache: Path) -> None:
    """A filter that cannot run (git-lfs is not installed) fails the build, with git's words."""
    checkout.git("config", "filter.broken.smudge", "false")
    checkout.git("config", "filter.broken.clean", "cat")
    checkout.git("config", "filter.broken.required", "true")
    checkout.commit("Filtered", **{".gitattributes": "*.big filter=broken\n", "a.big": "x"})
    error = failing(checkout, cache, "true")
    assert "could not be checked out" in error.message


# Killed


def test_a_killed_run_is_cleaned_up_at_next_use(
    checkout: Checkout, cache: Path, tmp_path: Path
) -> None:
    """A run killed outright in mid-build leaves no process; the next run removes the rest."""
    marker = f"sleep 600.{os.getpid()}"
    script = f"touch '{tmp_path}/started'; test -e '{tmp_path}/second' || {marker}"
    command = shlex.join(["sh", "-c", script])
    run = start_providing(checkout.path, cache, "HEAD", command)
    with run:
        started = eventually((tmp_path / "started").exists)
        run.kill()
    assert started
    assert len(checkout.worktrees()) == 2
    assert eventually(lambda: alive_with(marker) == [])
    (tmp_path / "second").touch()
    again = start_providing(checkout.path, cache, "HEAD", command)
    directory, complaint = again.communicate()
    assert again.returncode == 0, complaint
    assert checkout.worktrees() == [str(checkout.path)]
    assert len(kept(checkout, cache)) == 1
    assert directory.strip().startswith(str(cache))


def left_behind(checkout: Checkout, cache: Path, name: str) -> Place:
    """Return a place as a killed run leaves it: checked out, not complete."""
    place = Place(shelf(checkout, cache) / name)
    place.directory.mkdir(parents=True)
    place.lock.touch()
    checkout.git("worktree", "add", "--quiet", "--detach", str(place.tree))
    return place


@pytest.mark.parametrize("state", ["built", "locked", "aside", "removed by hand", "empty"])
def test_any_build_tidies_what_was_left(checkout: Checkout, cache: Path, state: str) -> None:
    """Whatever the moment of the kill, the next build of anything removes what it left."""
    place = left_behind(checkout, cache, "left")
    if state == "locked":
        checkout.git("worktree", "lock", "--reason=initializing", str(place.tree))
    elif state == "aside":
        place.tree.rename(place.directory / "aside")
    elif state == "removed by hand":
        place.clear()
    elif state == "empty":
        subprocess.run(["rm", "-rf", str(place.tree)], check=True)
    directory = build_commit(source(checkout), recipe(), cache)
    assert checkout.worktrees() == [str(checkout.path)]
    assert kept(checkout, cache) == [directory.parent.name]


def test_a_cache_removed_by_hand_is_built_anew(checkout: Checkout, cache: Path) -> None:
    """Who empties the cache loses time, nothing else."""
    first = build_commit(source(checkout), recipe(), cache)
    Place(first.parent).clear()
    assert build_commit(source(checkout), recipe(), cache) == first


def test_worktrees_of_the_user_survive(checkout: Checkout, cache: Path, tmp_path: Path) -> None:
    """A worktree of the user's whose disk is away stays registered through it all."""
    theirs = tmp_path / "theirs"
    checkout.git("worktree", "add", "--quiet", "--detach", str(theirs))
    theirs.rename(tmp_path / "away")
    left_behind(checkout, cache, "left")
    build_commit(source(checkout), recipe(), cache)
    assert checkout.worktrees() == [str(checkout.path), str(theirs)]
