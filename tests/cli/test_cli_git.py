"""What perfgate does in every kind of git repository: it works, or says what to do."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import psutil
import pytest
from real_repository import Checkout, make_repository, shallow_clone

from cli.command_line import CONFIG, LEDGER

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli.command_line import Finished

# A build that fails tells which commit was checked out, and ends a check before any load.
TELLS = CONFIG.replace("[load]", """build = "sh -c 'cat version lib/version; exit 3'"\n\n[load]""")
DESCRIBED = {"perfgate.toml": TELLS, "demand.toml": LEDGER, "callers.py": ""}


@pytest.fixture
def checkout(
    project: Path,  # noqa: ARG001 - where perfgate runs unless it is moved
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Checkout:
    """Return a described service of two versions, which is also the current directory."""
    made = make_repository(tmp_path / "auth d\u00fcnst $HOME")
    made.commit("First", version="this is the first\n", **DESCRIBED)
    made.commit("Second", version="this is the second\n")
    monkeypatch.chdir(made.path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return made


def builds(run: Finished, version: str) -> bool:
    """Tell whether perfgate got as far as the build of that version."""
    return run.code == 5 and f"this is the {version}" in run.err


@pytest.fixture
def measure(perfgate: Callable[..., Finished], tmp_path: Path) -> Callable[..., Finished]:
    """Return ``perfgate measure`` as a function of its words."""

    def run(*words: object) -> Finished:
        return perfgate("measure", "--output", tmp_path / "measured.json", *words)

    return run


def test_spaces_and_letters_of_any_kind(
    checkout: Checkout, measure: Callable[..., Finished]
) -> None:
    """In a directory whose name has spaces, umlauts and a dollar, each commit is built."""
    assert builds(measure(), "second")
    assert builds(measure("--candidate", "HEAD~1"), "first")
    assert len(checkout.worktrees()) == 1


def test_a_detached_head(checkout: Checkout, measure: Callable[..., Finished]) -> None:
    """On no branch, the working tree is the commit that is checked out, and branches are found."""
    checkout.git("checkout", "--quiet", "--detach", "HEAD~1")
    assert builds(measure(), "first")
    assert builds(measure("--candidate", "main"), "second")


def test_a_worktree_in_a_worktree(
    checkout: Checkout, measure: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a linked worktree, one that lies in the main one too, the commits of all are there."""
    inner = checkout.path / "inner w\u00f6rk tree"
    checkout.git("worktree", "add", "--quiet", "--detach", str(inner), "HEAD~1")
    monkeypatch.chdir(inner)
    assert builds(measure(), "first")
    assert builds(measure("--candidate", "main"), "second")
    assert checkout.worktrees() == [str(checkout.path), str(inner)]


@pytest.mark.parametrize("lock", ["index.lock", "HEAD.lock", "packed-refs.lock", "config.lock"])
def test_locked_by_another_process(
    checkout: Checkout, measure: Callable[..., Finished], lock: str
) -> None:
    """While another git command is at work, perfgate is too: it locks nothing of the user's."""
    held = checkout.write(f".git/{lock}")
    assert builds(measure(), "second")
    assert builds(measure("--candidate", "HEAD~1"), "first")
    assert held.exists()


@pytest.mark.parametrize("option", ["--candidate", "--base"])
@pytest.mark.parametrize("text", ["--output=forged", "-h", "main\n", "$(touch forged)"])
def test_text_is_never_an_option(
    checkout: Checkout, perfgate: Callable[..., Finished], option: str, text: str
) -> None:
    """What is no ref is told before anything is built, whatever git would make of it."""
    run = perfgate("check", f"{option}={text}")
    assert run.code == 6
    assert "[    0 s] build" not in run.err
    assert not (checkout.path / "forged").exists()


def test_refs_come_before_builds(
    checkout: Checkout,
    perfgate: Callable[..., Finished],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """A base that cannot be reached is told before the candidate is built, in every repository."""
    young = make_repository(tmp_path / "young").path
    for name in DESCRIBED:
        shutil.copy(checkout.path / name, young)
    for directory in (checkout.path, young):
        monkeypatch.chdir(directory)
        run = perfgate("check", "--base", "gone")
        assert run.code == 6
        assert "'gone' names no commit" in run.err
        assert "build working tree" not in run.err


def test_a_bare_repository(
    checkout: Checkout,
    measure: Callable[..., Finished],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """A repository without a working tree is named, and a clone of it asked for."""
    bare = tmp_path / "bare.git"
    checkout.git("clone", "--quiet", "--bare", ".", str(bare))
    for name in DESCRIBED:
        shutil.copy(checkout.path / name, bare)
    monkeypatch.chdir(bare)
    run = measure("--candidate", "main")
    assert run.code == 2
    assert "is a bare repository" in run.err
    assert "in a clone of it" in run.err


def test_a_shallow_clone(
    checkout: Checkout,
    measure: Callable[..., Finished],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Where a commit is not there, the hint is the command that fetches it, and it does."""
    shallow = shallow_clone(checkout, tmp_path / "shallow")
    first = checkout.git("rev-parse", "HEAD~1")
    monkeypatch.chdir(shallow.path)
    assert builds(measure("--candidate", "HEAD"), "second")
    run = measure("--candidate", first)
    assert run.code == 6
    command = f"git fetch --depth=1 origin {first}"
    assert f"Run: {command}" in run.err
    shallow.git(*command.split()[1:])
    assert builds(measure("--candidate", first), "first")


@pytest.mark.parametrize("words", [(), ("--candidate", "HEAD")], ids=["working tree", "ref"])
def test_dubious_ownership(
    checkout: Checkout,
    measure: Callable[..., Finished],
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
) -> None:
    """A repository of somebody else's is not measured as if it had none: the remedy is told."""
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    run = measure(*words)
    assert run.code == 2
    assert "belongs to another user" in run.err
    assert f"git config --global --add safe.directory '{checkout.path}'" in run.err


def with_submodule(checkout: Checkout, library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the service a library in a submodule."""
    made = make_repository(library)
    made.commit("Library", version="this is the library\n")
    for key, value in (("COUNT", "1"), ("KEY_0", "protocol.file.allow"), ("VALUE_0", "always")):
        monkeypatch.setenv(f"GIT_CONFIG_{key}", value)
    checkout.git("submodule", "--quiet", "add", str(library), "lib")
    checkout.commit("Use the library")


def test_a_submodule_is_told_where_it_is_empty(
    checkout: Checkout,
    measure: Callable[..., Finished],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """A commit is built without its submodules, and its name says so; the working tree has them."""
    with_submodule(checkout, tmp_path / "library", monkeypatch)
    assert "this is the library" in measure().err
    run = measure("--candidate", "HEAD")
    assert builds(run, "second")
    assert "Use the library), submodule lib empty: build command ended" in run.err
    assert "this is the library" not in run.err


def test_a_build_may_fetch_its_submodules(
    checkout: Checkout,
    measure: Callable[..., Finished],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Where the build command fetches them, they are there, and the name says nothing of them."""
    with_submodule(checkout, tmp_path / "library", monkeypatch)
    fetch = "git -c protocol.file.allow=always submodule --quiet update --init"
    described = TELLS.replace("cat version lib/version; exit 3", fetch)
    # It starts, tells what is in the library, and ends.
    described = described.replace(
        "{python} -m http.server {port}", "sh -c 'cat lib/version; exit 4' {port}"
    )
    checkout.write("perfgate.toml", described)
    run = measure("--candidate", "HEAD")
    assert run.code == 5
    assert "this is the library" in run.err
    assert "empty" not in run.err


def test_within_a_submodule(
    checkout: Checkout,
    measure: Callable[..., Finished],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """A service that is itself a submodule is measured by its own commits."""
    outer = make_repository(tmp_path / "outer")
    outer.commit("Outer")
    words = ("-c", "protocol.file.allow=always", "submodule", "--quiet", "add")
    outer.git(*words, str(checkout.path), "auth")
    monkeypatch.chdir(outer.path / "auth")
    assert builds(measure("--candidate", "HEAD~1"), "first")


@pytest.mark.parametrize("path", ["index", "HEAD", "config", "objects"])
def test_a_damaged_repository(
    checkout: Checkout, measure: Callable[..., Finished], path: str
) -> None:
    """What git cannot read is told in its words, with what to do: no bug of perfgate's."""
    damaged = checkout.path / ".git" / path
    if damaged.is_dir():
        shutil.rmtree(damaged)
        damaged.mkdir()
    else:
        damaged.write_text("[rubbish\n")
    run = measure()
    assert run.code in {2, 6}
    assert "hint:" in run.err
    assert "Traceback" not in run.err


def test_nothing_of_git_is_left(checkout: Checkout, measure: Callable[..., Finished]) -> None:
    """After a command, no process of git runs, and no file of the repository is held open."""
    assert builds(measure("--candidate", "HEAD~1"), "first")
    this = psutil.Process()
    assert [child for child in this.children(recursive=True) if child.name() == "git"] == []
    held = [file.path for file in this.open_files()]
    assert [path for path in held if path.startswith(str(checkout.path))] == []
