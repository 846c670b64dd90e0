"""Names become images by their digest, as podman and docker tell of them."""

from __future__ import annotations

import json
import stat
import sys
from typing import TYPE_CHECKING

import podman
import pytest

from perfgate.build.images import Image, find_image
from perfgate.errors import TargetError
from perfgate.exitcodes import ExitCode

if TYPE_CHECKING:
    from pathlib import Path

OWN, PULLED, OTHER = ("sha256:" + digit * 64 for digit in "123")


def engine(root: Path, monkeypatch: pytest.MonkeyPatch, said: object, code: int = 0) -> None:
    """Put a program on PATH that answers as docker does."""
    out, err = (json.dumps([said]), "") if code == 0 else ("[]", str(said))
    program = root / "docker"
    program.write_text(
        f"#!{sys.executable} -IS\nimport sys\nprint({out!r})\n"
        f"print({err!r}, file=sys.stderr)\nsys.exit({code})\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(root))


@pytest.mark.parametrize(
    ("name", "told", "digest"),
    [
        ("auth:1", {"Id": OWN, "RepoDigests": [f"r.example/auth@{PULLED}"]}, PULLED),
        (f"auth@{OTHER}", {"Id": OWN, "RepoDigests": [f"a@{PULLED}", f"a@{OTHER}"]}, OTHER),
        ("auth:1", {"Id": OWN, "RepoDigests": []}, OWN),
        ("auth:1", {"Id": OWN.removeprefix("sha256:"), "RepoDigests": None}, OWN),
    ],
)
def test_an_image_is_told_by_its_digest(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    told: dict[str, object],
    digest: str,
) -> None:
    """The registry's digest, the one that was named among several; its own where there is none."""
    engine(tmp_path, monkeypatch, told)
    assert find_image("docker", name) == Image(name, OWN, digest)


@pytest.mark.parametrize(
    ("said", "told", "hint"),
    [
        ("Error: No such image: auth:9", "docker has no image auth:9", "docker pull auth:9"),
        ("Cannot connect to the Docker daemon", "cannot be asked", "`docker info` has to work"),
        ("\x1b[31m no such image \n", r"\x1b[31m no such image", "docker pull"),
    ],
)
def test_what_is_not_there_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, told: str, hint: str
) -> None:
    """An image that is missing is told from an engine that does not answer; nothing is pulled."""
    engine(tmp_path, monkeypatch, said, code=1)
    with pytest.raises(TargetError) as caught:
        find_image("docker", "auth:9")
    assert told in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.exit_code is ExitCode.NO_TARGET


def test_an_engine_that_is_not_there_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the key that chooses it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TargetError, match=r"target\.container\.engine: podman is not on PATH"):
        find_image("podman", "auth:1")


def test_a_tag_that_moves_is_another_image() -> None:
    """What podman has is found by tag, digest and id; a moved tag has another id and digest."""
    podman.need_podman()
    place = podman.own("image")
    name = f"{place}:1"
    with podman.imported(name, {"a": "1"}) as first:
        found = find_image("podman", name)
        assert found.id.endswith(first.removeprefix("sha256:"))
        assert find_image("podman", f"{place}@{found.digest}").id == found.id
        assert find_image("podman", found.id).id == found.id
        podman.podman("import", "--quiet", "-", name, text=podman.root_of({"a": "2"}))
        moved = find_image("podman", name)
        assert moved.id != found.id
        assert moved.digest != found.digest
        podman.podman("rmi", "--force", first)
