"""What decides how a process sends load, to be the same in all processes of a run."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from perfgate import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

ORIGIN_HINT = (
    "Bring both machines to the same commit and the same perfgate, and start the worker again."
)


def read_origin(words: list[str]) -> dict[str, str]:
    """Return versions, and the Locust file of a command line as it is now, about to be imported.

    What stands on the disk later is not what a worker runs that has waited for its run meanwhile.
    """
    locustfile = Path(words[words.index("-f") + 1].split(",")[-1])
    return {
        "perfgate": __version__,
        "locust": version("locust"),
        "locustfile": str(locustfile),
        "sha256": hashlib.sha256(locustfile.read_bytes()).hexdigest(),
    }


def difference(theirs: Mapping[str, str], ours: Mapping[str, str]) -> str:
    """Say in what a worker differs from the check; nothing where they send the same load.

    Both of them read it.
    """
    for name in ("perfgate", "locust"):
        if theirs.get(name) != ours[name]:
            return f"runs {name} {theirs.get(name)}, and the check {ours[name]}"
    if theirs.get("sha256") == ours["sha256"]:
        return ""
    return (
        f"has another Locust file than the check: its {theirs.get('locustfile')} differs from the "
        f"check's {ours['locustfile']}"
    )
