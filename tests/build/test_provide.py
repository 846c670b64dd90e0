"""The laws of turning what the user asked for into a build."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

import pytest
from real_repository import Checkout, make_repository

from perfgate.build.provide import (
    Build,
    BuildSpec,
    Directory,
    Ref,
    WorkingTree,
    provide_build,
    read_spec,
)
from perfgate.config.models import Target
from perfgate.errors import RefError, TargetError, UsageError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """Return a repository with one commit."""
    made = make_repository(tmp_path / "auth")
    made.commit("First", version="1")
    return made


def provided(
    spec: BuildSpec, root: Path, *, script: str | None = "pwd -P > built", cache: Path | None = None
) -> Build:
    """Return the build of `spec` in the project at `root`, made by a shell script."""
    build = None if script is None else f"sh -c {shlex.quote(script)}"
    target = Target(start="true", build=build)
    return provide_build(spec, target, root, cache or root.parent / "cache", os.environ)


# Reading


@pytest.mark.parametrize(
    "text", ["main", "HEAD~1", "v1.0", "feature/x", "abc123", "-x", "", "@{u}", ".hidden"]
)
def test_what_is_no_path_is_a_ref(tmp_path: Path, text: str) -> None:
    """Text is a ref unless it is written as a path: a directory named main changes nothing."""
    (tmp_path / "main").mkdir()
    assert read_spec(text, tmp_path) == Ref(text)


def test_a_dot_is_the_working_tree(tmp_path: Path) -> None:
    """A single dot means the project as it lies there."""
    assert read_spec(".", tmp_path) == WorkingTree()


def test_a_path_is_a_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Absolute, relative and home paths name directories, seen from where the user is."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert read_spec("./b", tmp_path / "a") == Directory(tmp_path / "a" / "b")
    assert read_spec("..", tmp_path / "a") == Directory(tmp_path)
    assert read_spec("~/a", tmp_path / "a") == Directory(tmp_path / "a")
    assert read_spec(str(tmp_path), tmp_path / "a") == Directory(tmp_path)


def test_a_path_to_nothing_is_a_usage_error(tmp_path: Path) -> None:
    """A directory that is not there, or a file, is told with what would be allowed."""
    (tmp_path / "file").touch()
    for text in ("./absent", "./file"):
        with pytest.raises(UsageError, match="is not a directory") as caught:
            read_spec(text, tmp_path)
        assert "git ref" in caught.value.hint


# The working tree


def test_the_working_tree_is_built_in_place(checkout: Checkout) -> None:
    """It is built where it lies, and known by the commit it is based on."""
    build = provided(WorkingTree(), checkout.path)
    sha = checkout.git("rev-parse", "HEAD")
    label = f"working tree ({sha[:10]} First)"
    known = Build("working tree", checkout.path, sha, False, label, build.digest)
    assert build == known
    assert build.digest
    assert (checkout.path / "built").read_text() == f"{checkout.path}\n"


def test_a_changed_working_tree_says_so(checkout: Checkout) -> None:
    """Changes make it dirty, and the label tells; what the build leaves behind does not count."""
    assert not provided(WorkingTree(), checkout.path).dirty
    build = provided(WorkingTree(), checkout.path)
    assert build.dirty
    assert build.label.endswith("First, with changes)")


def test_the_working_tree_is_built_each_time(checkout: Checkout) -> None:
    """Files may have changed in between, so nothing is remembered."""
    for _ in range(2):
        provided(WorkingTree(), checkout.path, script="echo built >> built")
    assert (checkout.path / "built").read_text() == "built\n" * 2


def test_a_working_tree_on_no_branch_is_known(checkout: Checkout) -> None:
    """A job's checkout is on no branch; its commit is known all the same."""
    checkout.git("checkout", "--quiet", "--detach")
    assert provided(WorkingTree(), checkout.path).commit == checkout.git("rev-parse", "HEAD")


def test_a_working_tree_needs_no_git(tmp_path: Path) -> None:
    """Without a repository, or before the first commit, there is a build without a commit."""
    plain = tmp_path / "plain"
    plain.mkdir()
    build = provided(WorkingTree(), plain)
    assert build == Build("working tree", plain, None, dirty=False, label="working tree")
    young = make_repository(tmp_path / "young")
    young.write("version", "1")
    build = provided(WorkingTree(), young.path)
    assert build.commit is None
    assert build.label == "working tree (no commit yet, with changes)"


def test_a_working_tree_that_fails_is_left_alone(checkout: Checkout) -> None:
    """A failed build in place is told, and removes nothing of the user's."""
    with pytest.raises(TargetError, match=r"working tree .*exit code 1"):
        provided(WorkingTree(), checkout.path, script="touch left; exit 1")
    assert (checkout.path / "left").exists()
    assert (checkout.path / "version").exists()


# Directories


def test_a_directory_is_built_in_place(checkout: Checkout, tmp_path: Path) -> None:
    """A directory is taken as it is: no commit is claimed for it."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    build = provided(Directory(elsewhere), checkout.path)
    assert build == Build(str(elsewhere), elsewhere, None, dirty=False, label=str(elsewhere))
    assert (elsewhere / "built").read_text() == f"{elsewhere}\n"


def test_without_a_command_nothing_is_written(checkout: Checkout, tmp_path: Path) -> None:
    """What needs no build is used without as much as a lock in the cache."""
    provided(Directory(checkout.path), checkout.path, script=None)
    provided(WorkingTree(), checkout.path, script=None)
    assert not (tmp_path / "cache").exists()


# Refs


def test_a_ref_is_built_beside_the_working_tree(checkout: Checkout, tmp_path: Path) -> None:
    """A ref's build is that of its commit, clean, and named as the user named it."""
    first = checkout.git("rev-parse", "HEAD")
    checkout.git("tag", "v1")
    checkout.commit("Second", version="2")
    checkout.write("version", "changed")
    build = provided(Ref("v1"), checkout.path)
    assert (build.name, build.commit, build.dirty) == ("v1", first, False)
    assert build.label == f"v1 ({first[:10]} First)"
    assert (build.directory / "version").read_text() == "1"
    assert build.directory.is_relative_to(tmp_path / "cache" / "builds")


def test_a_hash_is_not_told_twice(checkout: Checkout) -> None:
    """Who names a commit by its hash reads it once."""
    sha = checkout.git("rev-parse", "HEAD")
    assert provided(Ref(sha), checkout.path).label == f"{sha[:10]} First"
    assert provided(Ref(sha[:7]), checkout.path).label == f"{sha[:10]} First"


def test_a_project_below_the_top_is_found_below(checkout: Checkout) -> None:
    """A project in a subdirectory gets the same subdirectory of the build."""
    sha = checkout.commit("Service", **{"services__a b__app.py": "v2"})
    build = provided(
        Ref("HEAD"), checkout.path / "services" / "a b", cache=checkout.path.parent / "cache"
    )
    assert build.commit == sha
    assert (build.directory.parent.name, build.directory.name) == ("services", "a b")
    assert (build.directory / "built").read_text() == f"{build.directory}\n"


def test_two_names_of_a_commit_share_a_build(checkout: Checkout) -> None:
    """The cache knows commits, not names."""
    main, head = provided(Ref("main"), checkout.path), provided(Ref("HEAD"), checkout.path)
    assert main.directory == head.directory
    assert main.name != head.name


@pytest.mark.parametrize("text", ["--upload-pack=touch x", "-f", "no-such-branch", ""])
def test_a_ref_that_is_none_is_a_ref_error(checkout: Checkout, text: str) -> None:
    """What names no commit ends before anything is made."""
    with pytest.raises(RefError):
        provided(Ref(text), checkout.path)
    assert not (checkout.path.parent / "cache").exists()


def test_a_ref_needs_a_repository(tmp_path: Path) -> None:
    """Outside of a repository a ref means nothing, and the hint says what would."""
    plain = tmp_path / "plain"
    plain.mkdir()
    with pytest.raises(UsageError, match="not in a git repository") as caught:
        provided(Ref("main"), plain)
    assert "directory" in caught.value.hint


def test_a_description_cannot_forge_a_label(checkout: Checkout) -> None:
    """A commit's message reaches the label escaped."""
    checkout.commit("Fix\x1b[2J\r::error::")
    assert r"Fix\x1b[2J\r::error::" in provided(Ref("HEAD"), checkout.path).label


def test_a_digest_tells_what_was_built(checkout: Checkout) -> None:
    """Law: commits with the same files have one digest, other files or commands another."""
    first = provided(Ref("HEAD"), checkout.path)
    checkout.git("commit", "--quiet", "--allow-empty", "--message", "Nothing")
    same, working = (provided(spec, checkout.path) for spec in (Ref("HEAD"), WorkingTree()))
    assert first.digest
    assert first.digest == same.digest == working.digest
    assert provided(Ref("HEAD"), checkout.path, script="true").digest != first.digest
    (checkout.path / "new.py").write_text("pass\n")
    assert provided(WorkingTree(), checkout.path).digest is None
    checkout.git("add", "--all")
    checkout.git("commit", "--quiet", "--message", "More")
    assert provided(Ref("HEAD"), checkout.path).digest != first.digest
