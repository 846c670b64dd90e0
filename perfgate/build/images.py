"""The name of an image passes through and becomes the image that is here, told by its digest.

Nothing is pulled, built or run. Elsewhere the engine gets its orders; here it is asked.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from perfgate.errors import TargetError
from perfgate.tail import escaped, shortened

if TYPE_CHECKING:
    from collections.abc import Sequence

DIGEST = "sha256:"
_ANSWER_S = 60.0
# In the words of podman and docker.
_MISSING = ("no such image", "image not known", "not found")


@dataclass(frozen=True, slots=True)
class Image:
    """One image: ``name`` as the user calls it, ``id`` what is run, whatever a tag is moved to.

    ``digest`` is the registry's, "sha256:..."; of an image that was never in one, its own.
    """

    name: str
    id: str
    digest: str


def find_image(engine: str, name: str) -> Image:
    """Return the image of that name; raises TargetError where there is none, or no engine."""
    asked = ask_engine(engine, ["image", "inspect", name])
    if asked.returncode == 0:
        return _image(name, json.loads(asked.stdout)[0])
    words = last_words(asked.stderr)
    if any(told in words.lower() for told in _MISSING):
        raise TargetError(
            f"{engine} has no image {escaped(name)}: {words}",
            hint=f"perfgate pulls and builds none: {engine} pull {escaped(name)}",
        )
    raise TargetError(
        f"{engine} cannot be asked for the image {escaped(name)}: {words}",
        hint=f"`{engine} info` has to work for whoever runs perfgate.",
    )


def _image(name: str, told: dict[str, Any]) -> Image:
    """Read what an engine tells: docker has "Id" with "sha256:" in front, podman without."""
    own = str(told["Id"])
    own = own if own.startswith(DIGEST) else f"{DIGEST}{own}"
    pulled = [str(place).rpartition("@")[2] for place in told.get("RepoDigests") or ()]
    named = name.partition("@")[2]
    return Image(name, own, named or next(iter(pulled), own))


def ask_engine(engine: str, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run the engine's client to its end; raises TargetError where there is none, or it hangs."""
    if shutil.which(engine) is None:
        raise TargetError(
            f"target.container.engine: {engine} is not on PATH",
            hint=f"Install {engine}, or name the other engine.",
        )
    try:
        return subprocess.run(
            [engine, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            timeout=_ANSWER_S,
        )
    except subprocess.TimeoutExpired as error:
        raise TargetError(
            f"`{engine} {' '.join(words)}` did not end within {_ANSWER_S:g} s",
            hint=f"See whether `{engine} info` answers.",
        ) from error


def last_words(output: str) -> str:
    """Return the last line of what a client said, safe to print."""
    lines = [line for line in output.splitlines() if line.strip()]
    return shortened(escaped(lines[-1])) if lines else "it said nothing"
