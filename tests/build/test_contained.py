"""A build becomes an image: by its digest, or the one that its commit names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import podman
import pytest
from real_repository import Checkout, make_repository

from perfgate.build.contained import contained_build
from perfgate.build.provide import Directory, ImageName, Ref, WorkingTree, read_spec
from perfgate.config.load import load_config
from perfgate.errors import TargetError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from perfgate.build.provide import Build, BuildSpec

NAME = podman.own("contained")
CONFIG = """\
service = "auth"

[target.container]
engine = "podman"
image = "{image}"
port = 8000

[load]
locustfile = "callers.py"
"""


def pin(checkout: Checkout, image: str) -> str:
    """Commit a configuration that names this image; return the commit."""
    text = CONFIG.replace("{image}", image)
    return checkout.commit(f"Run {image[-8:]}", **{"perfgate.toml": text, "callers.py": ""})


def built(checkout: Checkout, spec: BuildSpec) -> Build:
    """Return the build of a spec."""
    loaded = load_config(None, checkout.path)
    assert loaded.config.target.container
    return contained_build(spec, loaded, loaded.config.target.container)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """Return a repository without a commit."""
    return make_repository(tmp_path / "service")


@pytest.fixture(scope="module")
def images() -> Iterator[dict[str, str]]:
    """Return the digests of two images, by tag."""
    podman.need_podman()
    with podman.imported(f"{NAME}:a", {"x": "a"}), podman.imported(f"{NAME}:b", {"x": "b"}):
        show = ("image", "inspect", "--format", "{{.Digest}}")
        yield {tag: podman.podman(*show, f"{NAME}:{tag}") for tag in "ab"}


def test_commits_have_the_image_that_they_name(checkout: Checkout, images: dict[str, str]) -> None:
    """Where each commit pins its digest, that of a commit is read there, not here."""
    first = pin(checkout, f"{NAME}@{images['a']}")
    second = pin(checkout, f"{NAME}@{images['b']}")
    old, new, tree = (built(checkout, spec) for spec in (Ref("HEAD~1"), Ref(second), WorkingTree()))
    assert (old.commit, old.digest) == (first, images["a"])
    assert (new.commit, new.digest) == (second, images["b"])
    assert (tree.commit, tree.digest, tree.dirty) == (second, images["b"], False)
    assert old.label.startswith(f"HEAD~1 ({first[:10]} Run")
    assert old.label.endswith(f", image {images['a'][7:19]}")
    assert old.image != new.image


def test_images_may_be_tagged_by_commit(checkout: Checkout, images: dict[str, str]) -> None:
    """{commit} is filled in; a working tree with changes has no image, and is told so."""
    commit = pin(checkout, f"{NAME}:{{commit}}")
    podman.podman("tag", f"{NAME}:a", f"{NAME}:{commit}")
    try:
        assert built(checkout, Ref("main")).digest == images["a"]
        assert built(checkout, WorkingTree()).digest == images["a"]
        (checkout.path / "new").touch()
        with pytest.raises(UsageError, match="named by commits, and the working tree is none"):
            built(checkout, WorkingTree())
    finally:
        podman.podman("rmi", f"{NAME}:{commit}")
    with pytest.raises(TargetError, match=f"podman has no image {NAME}:{commit}"):
        built(checkout, Ref("main"))


def test_an_image_is_named_by_its_digest(checkout: Checkout, images: dict[str, str]) -> None:
    """What has a digest is an image, of no commit; a directory is none."""
    pin(checkout, f"{NAME}:a")
    spec = read_spec(f"{NAME}@{images['b']}", checkout.path)
    assert spec == ImageName(f"{NAME}@{images['b']}")
    build = built(checkout, spec)
    assert (build.commit, build.digest) == (None, images["b"])
    assert build.label == f"{NAME}@{images['b']}"
    with pytest.raises(UsageError, match=r"is a directory, and target\.container runs images"):
        built(checkout, Directory(checkout.path))


def test_a_commit_without_an_image_is_told(checkout: Checkout, images: dict[str, str]) -> None:
    """Nobody can know which image a commit was that names none."""
    checkout.commit("Serve", README="")
    pin(checkout, f"{NAME}@{images['a']}")
    with pytest.raises(UsageError, match=r"perfgate\.toml has no target\.container there") as told:
        built(checkout, Ref("HEAD~1"))
    assert "NAME@sha256:" in told.value.hint
    assert built(checkout, Ref("HEAD")).digest == images["a"]
