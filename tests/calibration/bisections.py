"""Whether ``perfgate bisect`` finds the commit: real searches among real commits become a table.

Each is among 32 commits of the auth service, of which one, drawn, loses about 15 % of its service
rate; searches with no such commit follow:

    PYTHONPATH=tests python -m calibration.bisections --runs 10 --equal 2 --keep DIRECTORY

Searches that are kept in the directory are not made again.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from calibration.builds import MADE, busy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenarios.auth_repository import ServiceRepository

    from calibration.builds import Edit

COMMITS = 32
# 15 % less service rate is 18 % more work; how much work that is depends on the machine.
MORE_WORK_PERCENT = 18
MOST_BUILDS = 7
MOST_S = 720.0
GIVEN_UP_S = 2 * MOST_S
ROSE = re.compile(r" rose (-?[\d.]+) % \(")
MEASURED = re.compile(r"(\d+) commits? of \d+ measured .*? in (\d+) sessions? and")


@dataclass(frozen=True)
class Search:
    """A search that has ended: which commit was guilty ("" where none was), and what it said.

    ``rose_percent`` is by how much that commit made it slower, as far as one was blamed.
    """

    guilty: str
    said: str
    builds: int
    sessions: int
    seconds: float
    rose_percent: float | None = None

    @property
    def is_right(self) -> bool:
        """Tell whether the guilty commit was named, alone, or that there is none."""
        if not self.guilty:
            return self.said.startswith("PASS: no commit up to ")
        return bool(re.match(f"FAIL: {self.guilty[:10]} .* made it slower$", self.said))


def main(words: Sequence[str] | None = None) -> None:
    """Make the searches that are missing, and print what came of all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10, help="searches with a guilty commit")
    parser.add_argument("--equal", type=int, default=2, help="searches without one")
    parser.add_argument(
        "--work",
        type=int,
        default=MORE_WORK_PERCENT,
        help="more work of the guilty commit, in percent: less where it rose by more than that",
    )
    parser.add_argument("--keep", type=Path, required=True, help="directory to keep all in")
    asked = parser.parse_args(words)
    asked.keep.mkdir(parents=True, exist_ok=True)
    log = asked.keep / "bisections.jsonl"
    places = [*map(place_in, range(asked.runs)), *[0] * asked.equal]
    make(places, log, busy(asked.work))
    sys.stdout.write(table(kept(log)))


def place_in(number: int) -> int:
    """Return the place of the guilty commit in a search, the same whenever it is made."""
    return Random(number).randint(1, COMMITS)  # noqa: S311 - a draw


def make(places: Sequence[int], log: Path, edits: Sequence[Edit]) -> None:
    """Make the searches that are missing, by the place of the guilty commit, 0 for none."""
    missing = list(enumerate(places))[len(kept(log)) :]
    if not missing:
        return
    with TemporaryDirectory(prefix="bisections-") as scratch:
        repository = MADE["auth"](Path(scratch) / "service")
        for number, place in missing:
            guilty = history(repository, f"run-{number}", place, edits)
            made = search(repository, f"run-{number}", guilty)
            with log.open("a") as file:
                file.write(json.dumps(asdict(made)) + "\n")
            sys.stderr.write(f"{number + 1}: {made.said} ({made.seconds:.0f} s)\n")


def history(
    repository: ServiceRepository,
    branch: str,
    place: int,
    edits: Sequence[Edit],
    count: int = COMMITS,
) -> str:
    """Commit so many changes to a new branch, the edits at a place; return that commit, or ""."""
    repository.git("checkout", "--quiet", "-b", branch, repository.base)
    guilty = ""
    for number in range(1, count + 1):
        if number == place:
            for edit in edits:
                repository.replace(edit.path, edit.old, edit.new)
            guilty = repository.commit(f"Answer with a longer key ({number})")
        else:
            with (repository.root / "authsvc" / "store.py").open("a") as file:
                file.write(f"\n# Note {number} of {branch}.\n")
            repository.commit(f"Note something ({number})")
    return guilty


def search(repository: ServiceRepository, branch: str, guilty: str) -> Search:
    """Search the branch, and return what was said in the end."""
    start_s = time.monotonic()
    process = repository.start("bisect", "--good", repository.base, "--bad", branch)
    out, err = process.communicate(timeout=GIVEN_UP_S)
    return told(out or f"exit code {process.returncode}: {err}", guilty, time.monotonic() - start_s)


def told(report: str, guilty: str, seconds: float) -> Search:
    """Return what a report says; the good build is one more than the commits that were measured."""
    words, said = " ".join(report.split()), report.partition("\n")[0]
    found, rose = MEASURED.search(words), ROSE.search(words)
    commits, sessions = (0, 0) if found is None else map(int, found.groups())
    percent = None if rose is None else float(rose[1])
    return Search(guilty, said, commits + 1, sessions, round(seconds, 1), percent)


def kept(log: Path) -> list[Search]:
    """Return the searches made so far."""
    if not log.exists():
        return []
    return [Search(**json.loads(line)) for line in log.read_text().splitlines()]


def table(made: Sequence[Search]) -> str:
    """Return a line for each search, and how many were right, at what cost."""
    lines = [
        f"{'right' if own.is_right else 'WRONG':<7}{own.builds:>3} builds{own.sessions:>4} sessions"
        f"{own.seconds:>7.0f} s{_rose(own):>9}  {own.said}"
        for own in made
    ]
    for what, group in (
        ("with a guilty commit", [own for own in made if own.guilty]),
        ("without one", [own for own in made if not own.guilty]),
    ):
        if group:
            right = sum(own.is_right for own in group)
            lines.append(
                f"{what}: {right} of {len(group)} right, in at most "
                f"{max(own.builds for own in group)} builds (the bar: {MOST_BUILDS}) and "
                f"{max(own.seconds for own in group):.0f} s (the bar: {MOST_S:.0f})"
            )
    return "\n".join(lines) + "\n"


def _rose(own: Search) -> str:
    return "" if own.rose_percent is None else f"{own.rose_percent:+.1f} %"


if __name__ == "__main__":
    main()
