"""The laws of places, their locks, and their removal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from real_repository import eventually

from perfgate.build.cache import (
    Place,
    default_cache_root,
    locked,
    locked_if_free,
    places_on,
    remove_tree,
    shelf_of,
)
from perfgate.errors import UsageError

_HOLD = """
import pathlib, sys
from perfgate.build.cache import locked
with locked(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""

# Every round reads a number, and writes the next one: alone, or the rounds do not add up.
_COUNT = """
import pathlib, sys, time
from perfgate.build.cache import locked
lock, counter = map(pathlib.Path, sys.argv[1:])
for _ in range(40):
    with locked(lock):
        number = int(counter.read_text())
        time.sleep(0.001)
        counter.write_text(str(number + 1))
"""


def holder(lock: Path) -> subprocess.Popen[str]:
    """Return a process that holds `lock` until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(lock)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


# Names


def test_the_cache_is_where_xdg_says() -> None:
    """XDG_CACHE_HOME wins when it is absolute; else ~/.cache is meant."""
    assert default_cache_root({"XDG_CACHE_HOME": "/c", "HOME": "/h"}) == Path("/c/perfgate")
    assert default_cache_root({"XDG_CACHE_HOME": "c", "HOME": "/h"}) == Path("/h/.cache/perfgate")
    assert default_cache_root({"XDG_CACHE_HOME": "", "HOME": "/h"}) == Path("/h/.cache/perfgate")


@pytest.mark.parametrize("environ", [{}, {"HOME": ""}, {"HOME": "relative"}])
def test_without_a_home_there_is_no_cache(environ: dict[str, str]) -> None:
    """Nothing is ever put into the current directory for want of a better one."""
    with pytest.raises(UsageError, match="HOME is not set"):
        default_cache_root(environ)


SEGMENTS = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=20)


@given(st.lists(SEGMENTS.filter(lambda name: name not in {".", ".."}), min_size=1, max_size=4))
def test_any_repository_has_a_plain_shelf(segments: list[str]) -> None:
    """Whatever a repository is called, its shelf is one plain name under the cache root."""
    repository = Path("/", *segments, ".git")
    shelf = shelf_of(Path("/cache"), repository)
    assert shelf.parent == Path("/cache/builds")
    assert shelf.name.isascii()
    assert not shelf.name.startswith(".")


def test_two_repositories_have_two_shelves() -> None:
    """Repositories of the same name in different places do not share builds."""
    one, two = Path("/a/auth/.git"), Path("/b/auth/.git")
    assert shelf_of(Path("/c"), one) != shelf_of(Path("/c"), two)
    assert shelf_of(Path("/c"), one).name.startswith("auth-")


# Places


def test_only_what_was_completed_is_complete(tmp_path: Path) -> None:
    """A place is complete from the mark on, and no longer once its tree is gone."""
    place = Place(tmp_path / "key")
    assert not place.is_complete
    place.prepare()
    place.tree.mkdir()
    assert not place.is_complete
    place.complete()
    assert place.is_complete
    place.tree.rmdir()
    assert not place.is_complete


def test_a_cleared_place_is_gone(tmp_path: Path) -> None:
    """Clearing removes everything, and may be asked for where nothing is."""
    place = Place(tmp_path / "key")
    place.clear()
    place.prepare()
    (place.tree / "deep").mkdir(parents=True)
    place.complete()
    place.clear()
    assert list(tmp_path.iterdir()) == []


def test_places_come_last_used_first(tmp_path: Path) -> None:
    """The order is that of last use; what was never completed is last, locks are no places."""
    assert places_on(tmp_path / "absent") == []
    for age, name in enumerate(("newest", "middle", "oldest")):
        place = Place(tmp_path / name)
        place.prepare()
        place.tree.mkdir()
        place.complete()
        os.utime(place.directory / "complete", (1000 - age, 1000 - age))
    Place(tmp_path / "half").prepare()
    (tmp_path / "x.lock").touch()
    names = [place.directory.name for place in places_on(tmp_path)]
    assert names == ["newest", "middle", "oldest", "half"]
    Place(tmp_path / "oldest").complete()
    assert places_on(tmp_path)[0].directory.name == "oldest"


# Locks


def test_a_lock_is_held_by_one_process_at_a_time(tmp_path: Path) -> None:
    """Processes that take turns never overlap, although the lock's file comes and goes."""
    lock, counter = tmp_path / "x.lock", tmp_path / "counter"
    counter.write_text("0")
    command = [sys.executable, "-c", _COUNT, str(lock), str(counter)]
    processes = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert counter.read_text() == "120"
    assert not lock.exists()


def test_a_held_lock_is_not_free(tmp_path: Path) -> None:
    """Who only looks is told that a lock is held, and leaves it to its holder."""
    lock = tmp_path / "x.lock"
    with holder(lock) as process:
        with locked_if_free(lock) as free:
            assert not free
        assert lock.exists()
        process.communicate()
    with locked_if_free(lock) as free:
        assert free
    assert not lock.exists()


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    """The lock of a process that was killed is free at once, though its file is still there."""
    lock = tmp_path / "x.lock"
    with holder(lock) as process:
        process.kill()
    assert lock.exists()
    with locked(lock):
        pass
    assert not lock.exists()


def test_waiting_ends_with_the_holder(tmp_path: Path) -> None:
    """A second process gets the lock when the first is done, and not before."""
    lock = tmp_path / "x.lock"
    with holder(lock) as first:
        second = subprocess.Popen(
            [sys.executable, "-c", _HOLD, str(lock)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert not eventually(lambda: second.poll() is not None, patience_s=0.5)
        first.communicate()
    assert second.communicate()[0] == "held\n"


def test_a_child_does_not_keep_the_lock(tmp_path: Path) -> None:
    """A process started while a lock is held does not inherit it."""
    lock = tmp_path / "x.lock"
    with locked(lock):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        with locked_if_free(lock) as free:
            assert free
    finally:
        child.kill()
        child.wait()


def test_a_cache_that_cannot_be_written_has_a_hint(tmp_path: Path) -> None:
    """Where no lock can be made, the user is told how to put the cache elsewhere."""
    (tmp_path / "file").touch()
    with (
        pytest.raises(UsageError, match="cannot be written") as caught,
        locked(tmp_path / "file" / "x.lock"),
    ):
        pass
    assert "XDG_CACHE_HOME" in caught.value.hint


def test_the_cache_is_private(tmp_path: Path) -> None:
    """Nobody else can put a build where we would start it from."""
    with locked(tmp_path / "new" / "x.lock"):
        assert (tmp_path / "new").stat().st_mode & 0o077 == 0


# Removal


def test_what_a_build_protected_is_removed(tmp_path: Path) -> None:
    """Directories that may not be written or read (a module cache) are no obstacle."""
    deep = tmp_path / "tree" / "pkg" / "mod"
    deep.mkdir(parents=True)
    (deep / "file").touch(mode=0o444)
    deep.chmod(0o555)
    deep.parent.chmod(0o000)
    remove_tree(tmp_path / "tree")
    assert list(tmp_path.iterdir()) == []


def test_links_are_removed_and_not_followed(tmp_path: Path) -> None:
    """What a link points to is not ours: it is neither removed nor changed."""
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").touch()
    precious.chmod(0o500)
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "link").symlink_to(precious)
    remove_tree(tree)
    assert (precious / "file").exists()
    assert precious.stat().st_mode & 0o777 == 0o500
    assert not tree.exists()
