"""Makes real checks of known builds, one after the other, and keeps each; resumes where it ended.

What they add up to is told by :mod:`calibration.page`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from calibration.builds import BUILDS, MADE, commit_of
from calibration.burn import burning
from calibration.cases import CASE, FAILED, RUN, VERDICT, Run, condition, keep, seed_of
from perfgate.analysis.resolution import OVERRUN
from perfgate.config.models import Budget
from perfgate.verdict.checks.validity import DISCARD_LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from scenarios.auth_repository import ServiceRepository

BUDGET_S = Budget().sessions_s
# A check that hangs is given up; one is longer than its sessions by the run ahead of them, which
# is repeated where it cannot be trusted, as sessions are.
AROUND_S = 120.0
# So long a check may take to stop what it has started.
STOP_S = 30.0
HUNG = "HUNG"
ROOT = Path(__file__).parents[2]
# The demand of this day counts, so that later collections are held to the same.
DAY = "2026-11-24"
CONFIG = "calibration.toml"


@dataclass(frozen=True)
class Wanted:
    """Which checks are wanted: so many of each variant, within ``within_s`` of the clock."""

    runs: Mapping[str, int]
    directory: Path
    budget_s: float = BUDGET_S
    burn: float = 0.0
    within_s: float = float("inf")

    @property
    def longest_s(self) -> float:
        """Return how long a check may take before it is given up."""
        return OVERRUN * self.budget_s + (DISCARD_LIMIT + 1) * AROUND_S


def main(words: Sequence[str] | None = None) -> None:
    """Collect what the command line asks for; exit code 1 where time ran out before."""
    wanted = _read(words)
    with TemporaryDirectory(prefix="calibration-") as scratch, burning(wanted.burn):
        done = collect(wanted, Path(scratch))
    sys.exit(0 if done else 1)


def collect(wanted: Wanted, scratch: Path) -> bool:
    """Make the checks that are missing, the variants in turn; tell whether none is missing now.

    In turn, so that an hour in which the machine is noisy falls on all variants alike.
    """
    start_s, longest_s = time.monotonic(), wanted.longest_s
    commit = code_commit()
    refuse_mixture(wanted.directory, commit)
    collector = Collector(wanted, scratch, commit)
    for number, variant in missing(wanted):
        if time.monotonic() - start_s + longest_s > wanted.within_s:
            _say(f"no time left for {variant} {number}, which may take {longest_s:.0f} s")
            return False
        run = collector.check(variant, number)
        _say(f"{variant} {number}: {run.verdict} (exit code {run.code}) in {run.seconds:.0f} s")
    return True


def missing(wanted: Wanted) -> Iterator[tuple[int, str]]:
    """Yield number and variant of each check that is not kept yet."""
    for number in range(1, max(wanted.runs.values(), default=0) + 1):
        for variant, runs in wanted.runs.items():
            place = _place(wanted, variant, number)
            if number <= runs and not any((place / name).exists() for name in (RUN, FAILED)):
                yield number, variant


def code_commit(root: Path = ROOT) -> str:
    """Return the commit of the code that makes the checks, marked where files differ from it."""
    words = ("git", "-C", str(root), "describe", "--always", "--abbrev=40", "--exclude=*")
    told = subprocess.run([*words, "--dirty"], check=True, capture_output=True, text=True)
    return told.stdout.strip()


def refuse_mixture(directory: Path, commit: str) -> None:
    """End with a message where checks are kept that other code has made."""
    files = (path for name in (RUN, FAILED) for path in sorted(directory.glob(f"*/*/{name}")))
    for path in files:
        made_by = json.loads(path.read_text()).get("commit") or "an unknown commit"
        if made_by != commit:
            sys.exit(
                f"{path.parent} was made by the code of {made_by}, and this is {commit}: what they "
                "add up to would be said of neither. Collect into another directory."
            )


class Collector:
    """Holds the repositories that builds are taken from."""

    def __init__(self, wanted: Wanted, scratch: Path, commit: str) -> None:
        self._commit_of_code = commit
        self._wanted = wanted
        self._scratch = scratch
        self._repositories: dict[str, ServiceRepository] = {}
        self._commits: dict[str, str] = {}

    def check(self, variant: str, number: int) -> Run:
        """Check the variant, judge the case again, and keep both where the verdicts are alike.

        Of a check that hung it is kept only that it did, so that one is not the end of all.
        """
        wanted, place = self._wanted, _place(self._wanted, variant, number)
        seed = seed_of(place.parent.name, number)
        # It is left where it does not get its place, so that one can see why.
        draft = wanted.directory.absolute() / ".draft"
        shutil.rmtree(draft, ignore_errors=True)
        repository = self._repository(BUILDS[variant].service)
        words = ("check", "--config", self._config(repository), "--on", DAY, "--seed", str(seed))
        builds = ("--candidate", self._commit(repository, variant), "--base", repository.base)
        start_s = time.monotonic()
        try:
            code, out = self._run(repository, *words, *builds, "-f", "json", "--output", str(draft))
        except subprocess.TimeoutExpired:
            hung = self._described(variant, number, seed, time.monotonic() - start_s, -1, HUNG)
            place.mkdir(parents=True)
            keep(hung, place, FAILED)
            return hung
        seconds = time.monotonic() - start_s
        if not (draft / CASE).exists():
            raise RuntimeError(f"{variant} {number} was not measured: exit code {code}")
        again = self._run(repository, "judge", str(draft / CASE), "-f", "json")
        if again != (code, out) or (draft / VERDICT).read_text() != out:
            raise RuntimeError(f"{variant} {number} is judged differently again, see {draft}")
        run = self._described(variant, number, seed, seconds, code, json.loads(out)["verdict"])
        shutil.rmtree(draft / "runs", ignore_errors=True)  # large, and all told by the case
        keep(run, draft)
        place.parent.mkdir(parents=True, exist_ok=True)
        draft.rename(place)
        return run

    def _described(
        self, variant: str, number: int, seed: int, seconds: float, code: int, verdict: str
    ) -> Run:
        return Run(
            variant=variant,
            number=number,
            seed=seed,
            burn=self._wanted.burn,
            budget_s=self._wanted.budget_s,
            seconds=seconds,
            code=code,
            verdict=verdict,
            commit=self._commit_of_code,
        )

    def _repository(self, service: str) -> ServiceRepository:
        if service not in self._repositories:
            root = self._scratch / service / "repository"
            self._repositories[service] = MADE[service](root)
        return self._repositories[service]

    def _commit(self, repository: ServiceRepository, variant: str) -> str:
        if variant not in self._commits:
            self._commits[variant] = commit_of(repository, BUILDS[variant])
        return self._commits[variant]

    def _config(self, repository: ServiceRepository) -> str:
        """Write the configuration with the wanted budget beside the service's own."""
        described = (repository.root / "perfgate.toml").read_text()
        budget = f"\n[budget]\nsessions_s = {self._wanted.budget_s}\n"
        # Never committed with a variant, or a checkout of another would take it away.
        (repository.root / ".git" / "info" / "exclude").write_text(f"{CONFIG}\n")
        (repository.root / CONFIG).write_text(described + budget)
        return CONFIG

    def _run(self, repository: ServiceRepository, *words: str) -> tuple[int, str]:
        """Run perfgate to its end, or stop it with ourselves or when it takes too long."""
        with repository.start(*words) as process:
            try:
                out, err = process.communicate(timeout=self._wanted.longest_s)
            except BaseException:
                process.terminate()  # it stops what it has started
                try:
                    process.wait(STOP_S)
                except subprocess.TimeoutExpired:
                    process.kill()
                raise
        if not out:
            sys.stderr.write(err)
        return process.returncode, out


def _place(wanted: Wanted, variant: str, number: int) -> Path:
    return wanted.directory / condition(variant, wanted.burn) / f"{number:03}"


def _read(words: Sequence[str] | None) -> Wanted:
    options = argparse.ArgumentParser(prog="python -m calibration.collect", description=__doc__)
    options.add_argument("directory", type=Path, help="where checks are kept")
    options.add_argument(
        "variants",
        nargs="+",
        type=_counted,
        metavar="VARIANT=RUNS",
        help=f"how many checks of it, those kept included; there are: {', '.join(BUILDS)}",
    )
    options.add_argument("--budget", type=float, default=BUDGET_S, help="seconds of sessions")
    options.add_argument("--burn", type=float, default=0.0, help="of a CPU, by a stranger")
    options.add_argument("--within", type=float, default=float("inf"), help="seconds in all")
    read = options.parse_args(words)
    runs = dict(read.variants)
    return Wanted(runs, read.directory, read.budget, read.burn, read.within)


def _counted(text: str) -> tuple[str, int]:
    """Read NAME=RUNS."""
    name, _, runs = text.partition("=")
    if name not in BUILDS or not runs.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not like same=40, of a known variant")
    return name, int(runs)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    main()
