"""How often a stored baseline errs where it decides alone: real checks become a table.

One build is equal to the one that was stored, the other loses about 30 % of its service rate:

    PYTHONPATH=tests python -m calibration.stored_alone --runs 20 --keep DIRECTORY

The baseline is measured once and kept in the directory, so that later runs of this command are
held against the machine as it was then; checks that are there already are not made again.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

from scenarios.auth_repository import ANCHOR, VARIANTS, AuthRepository

from perfgate.analysis.compare import wilson_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

LEVEL = 0.95
# Hashing so much with each introspection costs the demo service 30 % of its rate on a busy machine,
# and some more on a quiet one, where the rest of a request is cheaper: the table says how much.
HASHED_BYTES = 620_000
SLOWER = (
    ANCHOR,
    f"    import hashlib\n\n    hashlib.sha256(bytes({HASHED_BYTES})).digest()\n{ANCHOR}",
)
BUILDS = {"equal": VARIANTS["same behaviour"], "slower": SLOWER}
OUTCOMES = ("FAIL", "PASS", "WARN", "INCONCLUSIVE", "INVALID")
LIMIT_S = 500.0


@dataclass(frozen=True)
class Place:
    """Where the repository of the service is, and what its checks have said so far."""

    directory: Path

    @property
    def root(self) -> Path:
        """Return the repository."""
        return self.directory / "service"

    @property
    def log(self) -> Path:
        """Return the file with one line a check."""
        return self.directory / "stored-alone.jsonl"

    def perfgate(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run perfgate in the repository to its end."""
        return subprocess.run(
            (sys.executable, "-m", "perfgate", *words),
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )

    def checks(self) -> list[dict[str, Any]]:
        """Return the checks made so far."""
        if not self.log.exists():
            return []
        return [json.loads(line) for line in self.log.read_text().splitlines()]


def main(words: Sequence[str] | None = None) -> None:
    """Make the checks that are missing, the builds in turn, as time allows; print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20, help="checks of each build")
    parser.add_argument("--keep", type=Path, required=True, help="directory to keep all in")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin none after")
    asked = parser.parse_args(words)
    place = Place(asked.keep.absolute())
    start_s = time.monotonic()
    if not place.root.exists():
        prepare(place)
    for number in range(asked.runs):
        for build in BUILDS:
            done = Counter(check["build"] for check in place.checks())
            if done[build] <= number and time.monotonic() - start_s < asked.seconds:
                check(place, build)
    sys.stdout.write(table(place.checks()))


def prepare(place: Place) -> None:
    """Make the repository, store a baseline of its first commit, and commit both builds."""
    repository = AuthRepository(place.root)
    for words in (
        ("measure", "--output", "../first.json"),
        ("baseline", "accept", "../first.json"),
    ):
        done = place.perfgate(*words)
        if done.returncode:
            sys.exit(f"{' '.join(words)}: {done.stderr}")
    repository.commit("Accept the first baseline")
    for build, (old, new) in BUILDS.items():
        repository.git("switch", "--quiet", "--create", build, "main")
        repository.replace("authsvc/app.py", old, new)
        repository.commit(build)


def check(place: Place, build: str) -> None:
    """Check one build against the stored baseline alone, and write down what came of it."""
    start_s = time.monotonic()
    done = place.perfgate("check", "--stored", "--candidate", build, "--format", "json")
    seconds = time.monotonic() - start_s
    if done.returncode not in (0, 1, 3):
        sys.exit(f"{build}: exit code {done.returncode}: {done.stderr}")
    said = json.loads(done.stdout)
    own: dict[str, Any] = next((one for one in said["findings"] if one["check"] == "baseline"), {})
    line = {
        "build": build,
        "at": time.time(),
        "seconds": round(seconds, 1),
        "verdict": said["verdict"],
        "said": "INVALID" if said["verdict"] == "INVALID" else own.get("outcome", "INVALID"),
        "loss_percent": own.get("observed"),
        "interval_percent": own.get("interval"),
        "reason": own.get("reason"),
    }
    with place.log.open("a") as log:
        log.write(json.dumps(line) + "\n")


def table(checks: Sequence[dict[str, Any]]) -> str:
    """Return one row per build: what the stored baseline said, how sure that is, how long."""
    head = f"{'build':<8}{'runs':>5}" + "".join(f"{name:>14}" for name in OUTCOMES)
    lines = [f"{head}  {'FAIL, 95 % Wilson':<20}{'loss seen':>10}{'seconds':>9}"]
    for build in BUILDS:
        own = [check for check in checks if check["build"] == build]
        if own:
            lines.append(_row(build, own))
    return "\n".join([*lines, *_true_loss(checks)]) + "\n"


def _true_loss(checks: Sequence[dict[str, Any]]) -> list[str]:
    """Say what the slower build lost against the equal one, in the same checks; nothing too soon.

    Both are losses against the same baseline, whose own error cancels.
    """
    kept = {
        build: [
            math.log1p(-check["loss_percent"] / 100)
            for check in checks
            if check["build"] == build and check["loss_percent"] is not None
        ]
        for build in BUILDS
    }
    if not all(kept.values()):
        return []
    lost = -math.expm1(fmean(kept["slower"]) - fmean(kept["equal"]))
    return [f"Between them, the slower build lost {lost:.1%} of the undisturbed rate."]


def _row(build: str, checks: Sequence[dict[str, Any]]) -> str:
    said = Counter(check["said"] for check in checks)
    share = wilson_interval(said["FAIL"], len(checks), LEVEL)
    losses = [check["loss_percent"] for check in checks if check["loss_percent"] is not None]
    seen = f"{median(losses):.0f} %" if losses else "-"
    counts = "".join(f"{said[name]:>14}" for name in OUTCOMES)
    span = f"{share.lower:.0%} to {share.upper:.0%}"
    took = sum(check["seconds"] for check in checks) / len(checks)
    return f"{build:<8}{len(checks):>5}{counts}  {span:<20}{seen:>10}{took:>9.0f}"


if __name__ == "__main__":
    main()
