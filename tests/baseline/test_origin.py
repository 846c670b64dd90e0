"""Where a capacity record comes from makes no difference to what it says."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from builders import environment, record
from cli.command_line import CONFIG, make_project

from perfgate.baseline.origin import read_origin
from perfgate.baseline.store import write_record
from perfgate.errors import FileFaultsError, RefError, StoreError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from perfgate.baseline.capacity import CapacityRecord


def git(root: Path, *words: str) -> None:
    """Run git there, without anybody's own settings."""
    own = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org")
    environ = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    subprocess.run(["git", *own, *words], cwd=root, env=environ, check=True, capture_output=True)


def commit(root: Path) -> None:
    """Commit everything there is."""
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "Change")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Return a directory with nothing but the configuration, the ledger and a baseline."""
    root = make_project(tmp_path / "auth")
    shutil.rmtree(root / ".git")
    (root / "callers.py").unlink()
    write_record(record(), root / "baselines")
    return root


@pytest.fixture
def clone(files: Path) -> Path:
    """Return a repository with the same in it."""
    git(files, "init", "--quiet", "--initial-branch", "main")
    commit(files)
    return files


def read(place: Path, ref: str | None = None, profile: str = "default") -> CapacityRecord:
    """Return the capacity record at a place."""
    return read_origin(str(place), ref, profile)


def test_every_place_says_the_same(files: Path, tmp_path: Path) -> None:
    """A directory, a clone of it, a directory within a clone and an export agree."""
    own = read(files)
    assert (own.service, own.commit) == ("auth", "3" * 40)
    (tmp_path / "auth.json").write_text(own.to_text())
    outer = tmp_path / "outer"
    shutil.copytree(files, outer / "services" / "auth")
    for root in (files, outer):
        git(root, "init", "--quiet", "--initial-branch", "main")
        commit(root)
    for place in (files, tmp_path / "auth.json", outer / "services" / "auth"):
        assert read(place) == own


def test_the_branch_of_record_counts(clone: Path) -> None:
    """What is not on it yet does not count, unless it is asked for."""
    ledger = clone / "demand.toml"
    git(clone, "checkout", "--quiet", "-b", "feature")
    ledger.write_text(ledger.read_text().replace("40.0", "50.0"))
    commit(clone)
    ledger.write_text(ledger.read_text().replace("50.0", "60.0"))
    peaks = [read(clone, ref).ledger.dependents[0].peak_rps for ref in (None, "feature", ".")]
    assert peaks == [40.0, 50.0, 60.0]


def test_the_branch_may_be_only_on_the_remote(clone: Path, tmp_path: Path) -> None:
    """A checkout that knows the branch of record from its remote alone will do."""
    git(tmp_path, "clone", "--quiet", str(clone), "copy")
    git(tmp_path / "copy", "checkout", "--quiet", "--detach")
    git(tmp_path / "copy", "branch", "--quiet", "--delete", "--force", "main")
    assert read(tmp_path / "copy") == read(clone)


def test_the_branch_is_not_here(clone: Path) -> None:
    """A branch of record that is missing is named, with what to do."""
    git(clone, "branch", "--move", "trunk")
    with pytest.raises(RefError, match="the branch 'main'") as caught:
        read(clone)
    assert "--ref HEAD" in caught.value.hint
    assert read(clone, "HEAD") == read(clone, ".")


def test_of_several_machines_the_latest_counts(files: Path) -> None:
    """A dependent's machine is none of those; the youngest figures are the best there are."""
    later = record(
        measured_at="2026-11-02T09:00:00+00:00", environment=environment(cpu_model="AMD")
    )
    write_record(later, files / "baselines")
    assert read(files).machine == later.environment.slug


def test_pyproject_will_do(files: Path) -> None:
    """The configuration may stand in pyproject.toml."""
    own = read(files)
    (files / "perfgate.toml").unlink()
    text = CONFIG.replace("[", "[tool.perfgate.")
    (files / "pyproject.toml").write_text(f"[tool.perfgate]\n{text}")
    assert read(files) == own


@pytest.mark.parametrize("ref", [".", None])
def test_no_record(clone: Path, ref: str | None) -> None:
    """Without a baseline of the profile nothing can be said: exit code 4."""
    with pytest.raises(StoreError, match="baselines/nightly: no baseline is stored") as caught:
        read(clone, ref, "nightly")
    assert caught.value.exit_code == 4


@pytest.mark.parametrize(
    ("name", "error", "told"),
    [
        ("perfgate.toml", UsageError, "perfgate.toml: there is no such file"),
        ("demand.toml", UsageError, "demand.toml: there is no such file"),
        ("baselines", StoreError, "no baseline is stored"),
    ],
)
def test_what_is_missing_is_named(
    files: Path, name: str, error: type[Exception], told: str
) -> None:
    """Each file that is not there is told by its name."""
    gone = files / name
    shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
    with pytest.raises(error, match=told):
        read(files)


def test_faults_have_their_lines(clone: Path) -> None:
    """Faults of a file at a commit are told as git calls the file, with their lines."""
    ledger = clone / "demand.toml"
    ledger.write_text(ledger.read_text().replace("peak_rps = 40.0", "peak_rps = -40.0"))
    commit(clone)
    with pytest.raises(FileFaultsError) as caught:
        read(clone)
    assert caught.value.path.endswith(":demand.toml")
    assert caught.value.faults[0].line == 5


def test_another_service_in_the_store(files: Path) -> None:
    """A record of another service is not taken for this one's."""
    config = files / "perfgate.toml"
    config.write_text(config.read_text().replace('"auth"', '"billing"'))
    with pytest.raises(StoreError, match="has baselines of 'auth', not of 'billing'"):
        read(files)


@pytest.mark.parametrize(
    ("place", "hint"),
    [
        ("https://example.org/auth.git", "git clone --depth 1 https://example.org/auth.git auth"),
        ("git@example.org:auth.git", "git clone --depth 1"),
        ("nowhere", "Name a clone"),
    ],
)
def test_nothing_is_fetched(place: str, hint: str) -> None:
    """A URL is refused with the command that clones it."""
    with pytest.raises(UsageError, match="there is no such file or directory") as caught:
        read_origin(place, None, "default")
    assert hint in caught.value.hint


def test_a_file_has_no_ref(files: Path, tmp_path: Path) -> None:
    """An exported file is what it is."""
    exported = tmp_path / "auth.json"
    exported.write_text(read(files).to_text())
    with pytest.raises(UsageError, match="is a file, which has no --ref"):
        read(exported, "main")


def test_what_is_no_export(tmp_path: Path) -> None:
    """Any other file is told from one."""
    (tmp_path / "a.json").write_bytes(b"\xff")
    (tmp_path / "b.json").write_text("{}")
    for name, told in (("a.json", "is not text"), ("b.json", "is not an exported record")):
        with pytest.raises(StoreError, match=told):
            read(tmp_path / name)
