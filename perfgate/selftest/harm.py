"""A harm passes through, as a value and as a file beside a build: what is done to requests.

It is done elsewhere. Only the standard library is imported, as the proxy that reads it starts with
every build.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PLACE_FILE = "place.json"
TALLY_FILE = "tally.jsonl"


class Kind(StrEnum):
    """What is put in front of the service, in the order in which it is tried."""

    NOTHING = "nothing"
    LATENCY = "latency"
    CPU = "cpu"
    ERRORS = "errors"


HARMS = tuple(kind for kind in Kind if kind is not Kind.NOTHING)


@dataclass(frozen=True, slots=True)
class Harm:
    """What is done to requests: nothing, unless one of these is set.

    Each waits ``wait_s`` without any CPU time; each takes ``burn_s`` of CPU time; one of
    every ``one_in`` is answered with status 500.
    """

    kind: Kind
    wait_s: float = 0.0
    burn_s: float = 0.0
    one_in: int = 0


@dataclass(frozen=True, slots=True)
class Tally:
    """How many requests came through, and to how many of them the harm was done."""

    requests: int
    harmed: int


NO_TALLY = Tally(requests=0, harmed=0)


@dataclass(frozen=True, slots=True)
class Place:
    """A build behind the proxy: its own directory, the harm, and the seed of what is drawn."""

    directory: str
    harm: Harm
    seed: int

    def write(self, directory: Path) -> None:
        """Describe the place in the directory that the proxy is started in."""
        (directory / PLACE_FILE).write_text(json.dumps(asdict(self)), encoding="utf-8")


def read_place(directory: Path) -> Place:
    """Return what :meth:`Place.write` has written."""
    own = json.loads((directory / PLACE_FILE).read_text(encoding="utf-8"))
    harm = own["harm"]
    return Place(own["directory"], Harm(**{**harm, "kind": Kind(harm["kind"])}), own["seed"])


def note_tally(directory: Path, tally: Tally) -> None:
    """Keep what one process of the proxy has seen, beside what others have."""
    with (directory / TALLY_FILE).open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(tally)) + "\n")


def read_tally(directory: Path) -> Tally:
    """Return what all processes of the proxy have seen there; nothing where none has ended."""
    try:
        lines = (directory / TALLY_FILE).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return NO_TALLY
    noted = [Tally(**json.loads(line)) for line in lines]
    return Tally(sum(own.requests for own in noted), sum(own.harmed for own in noted))
