"""A build passes through and becomes a running target, of the kind that the configuration names."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from perfgate.target.container import run_container
from perfgate.target.process import start_target
from perfgate.target.url import ReachedTarget

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from perfgate.build.provide import Build
    from perfgate.config.models import Target
    from perfgate.target.running import Running


def start_build(
    build: Build, target: Target, *, log: Path, cpu: int | None = None
) -> AbstractContextManager[Running]:
    """Return what runs a build for as long as its block lasts, as :func:`start_target` does.

    Behind a URL it runs already, and goes on to.
    """
    if target.url is not None:
        return nullcontext(ReachedTarget(build.label, target.url, target, log))
    if target.container is not None:
        image, container = build.image or "", target.container
        return run_container(image, build.label, target, container, log=log, cpu=cpu)
    return start_target(build.directory, build.label, target, log=log, cpu=cpu)
