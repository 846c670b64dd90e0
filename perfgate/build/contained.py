"""What the user asked to measure becomes a build that is an image: by name, or that of a commit.

Nothing is checked out, built or started here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from perfgate.build.gitio import open_repository
from perfgate.build.images import find_image
from perfgate.build.provide import Build, Directory, ImageName, Ref, WorkingTree, read_tree
from perfgate.config.load import parse_config
from perfgate.errors import UsageError
from perfgate.tail import escaped

if TYPE_CHECKING:
    from perfgate.build.gitio import Repository
    from perfgate.build.provide import BuildSpec
    from perfgate.config.load import LoadedConfig
    from perfgate.config.models import Container

COMMIT = "{commit}"
SHORT = 12


def contained_build(spec: BuildSpec, loaded: LoadedConfig, container: Container) -> Build:
    """Return the build whose image ``spec`` names.

    An image is what it is. The working tree and a commit have the one that ``container.image``
    names with the hash filled in; without {commit} in it, that of a commit stands in its own
    configuration. UsageError, RefError and TargetError tell why there is no build.
    """
    match spec:
        case ImageName(text):
            named, build = text, Build(text, loaded.root, None, dirty=False, label=escaped(text))
        case WorkingTree():
            build = read_tree(loaded.root)
            named = _of_tree(container.image, build)
        case Ref(text):
            with open_repository(loaded.root) as repository:
                commit = repository.resolve(text)
                described = repository.describe(commit)
                named = _of_commit(container.image, repository, commit, loaded)
            label = described if commit.startswith(text) else f"{escaped(text)} ({described})"
            build = Build(text, loaded.root, commit, dirty=False, label=label)
        case Directory(path):
            raise UsageError(
                f"{str(path)!r} is a directory, and target.container runs images",
                hint="Name a git ref, or an image by its digest: NAME@sha256:...",
            )
    image = find_image(container.engine, named)
    told = escaped(image.digest.partition(":")[2][:SHORT])
    # Who is named by a digest is told by it already.
    label = build.label if isinstance(spec, ImageName) else f"{build.label}, image {told}"
    return replace(build, label=label, digest=image.digest, image=image.id)


def _of_tree(image: str, build: Build) -> str:
    if COMMIT not in image:
        return image
    if build.commit is None or build.dirty:
        raise UsageError(
            f"target.container.image = {image} is named by commits, and the working tree is none",
            hint="Commit, make its image, and name it: --candidate HEAD.",
        )
    return image.replace(COMMIT, build.commit)


def _of_commit(image: str, repository: Repository, commit: str, loaded: LoadedConfig) -> str:
    if COMMIT in image:
        return image.replace(COMMIT, commit)
    path = repository.relative(loaded.path.absolute())
    content = repository.read_file(commit, path)
    own = None if content is None else parse_config(loaded.path, content.decode("utf-8", "replace"))
    if own is None or own.target.container is None:
        raise UsageError(
            f"no image is known of {commit[:SHORT]}: {path} has no target.container there",
            hint=f"Name an image by its digest, NAME@sha256:..., or write {COMMIT} into "
            "target.container.image where images are tagged by commit.",
        )
    return own.target.container.image.replace(COMMIT, commit)
