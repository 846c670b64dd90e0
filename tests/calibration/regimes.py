"""Real services through a real standstill: does each end as the formula says? A table in Markdown.

The service asks a back end that takes four requests at a time, and serves in order. Its callers try
once, twice or three times, and send from 0.3 to 1.2 times what it serves:

    PYTHONPATH=tests python -m calibration.regimes DIRECTORY --output docs/regimes.md

Every run is kept in the directory, and not made again. Exit code 1: fewer than nine of ten ended as
predicted.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.generators.tables import markdown_table

from perfgate.machine import read_environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ATTEMPTS = (1, 2, 3)
UTILISATIONS = (0.3, 0.45, 0.6, 0.75, 0.9, 1.05, 1.2)
LEAST_RIGHT = 0.9
RUN_LIMIT_S = 400.0
RECOVERY_LIMIT_S = 40.0
ROOT = Path(__file__).parents[2]

CONFIG = f"""\
service = "auth behind a back end"

[target]
start = "{{python}} -m perfgate.demo --port {{port}} --data-dir {{data_dir}} --backend-slots 4"

[load]
locustfile = "{ROOT / "locustfiles" / "auth.py"}"
identities = 24

[profiles.default]
demand_s = 4.0
saturation_s = 1.0
saturation_concurrency = 24
looks = [2]

[margins]
headroom = 1.0

[recovery]
upset = "stall"
upset_s = 2.0
limit_s = {RECOVERY_LIMIT_S}
steps = []
step_s = 4.0
"""
LEDGER = """\
format = "perfgate.demand/1"

[[dependent]]
name = "callers"
peak_rps = {rate_rps}
mix = {{ introspect = 0.9, token = 0.1 }}
timeout_s = 0.5
attempts = {attempts}
"""
PAGE = """\
# Predicted and measured regimes

`perfgate check --recovery` says beforehand whether callers that retry would keep an overload alive,
and then makes one. `make regimes` makes {runs} such checks of the bundled service behind a back
end that takes four requests at a time, and writes this page, in about half an hour. What is sent is
a share of the {rate_rps:.0f}/s that were measured to be served at first; each build stands still
for 2 s, and callers are patient for 0.5 s.

- *predicted*: by the service rate that the same check measured before (its certain part) and the
  ledger. *stable*: even if all retry, what they send is served. *metastable*: what they send at
  first is served, and what they send if all retry is not. *unstable*: not even the former.
- *retried* is what callers send if all retry, over the attempts worked off while callers give up
  (*mu_over*), or over the certain service rate where no queue was long enough to tell: above 1, a
  backlog should keep itself.
- *happened*: *stable*: callers were served again, and how long after the standstill.
  *metastable*: they were not, {limit_s:.0f} s after it. *unstable*: they were not even before it.

Measured on {machine}: {right} of {runs} as predicted.

"""


@dataclass(frozen=True)
class Run:
    """What was sent to a service, what was to be expected of it, and what came of it."""

    attempts: int
    utilisation: float
    demand_rps: float
    certain_rps: float
    worst_rps: float
    mu_over_rps: float | None
    was_well: bool
    recovered_s: float | None
    answered_ratio: float

    @property
    def predicted(self) -> str:
        """Return the regime by the rate that was measured before the standstill."""
        if self.demand_rps > self.certain_rps:
            return "unstable"
        return "metastable" if self.worst_rps > self.certain_rps else "stable"

    @property
    def happened(self) -> str:
        """Return the regime that was seen."""
        if not self.was_well:
            return "unstable"
        return "metastable" if self.recovered_s is None else "stable"

    @property
    def retried_ratio(self) -> float:
        """Return what is sent while all retry over what is worked off."""
        return self.worst_rps / (self.mu_over_rps or self.certain_rps)

    def row(self) -> list[str]:
        """Return the run as a row of the table."""
        how = f"{self.recovered_s:.0f} s later" if self.recovered_s is not None else ""
        if self.happened == "metastable":
            how = f"{100 * self.answered_ratio:.0f} % answered"
        return [
            f"{self.attempts}",
            f"{self.utilisation:.2f}",
            f"{self.demand_rps:.0f} of {self.certain_rps:.0f}",
            f"{self.retried_ratio:.2f}",
            self.predicted,
            f"{self.happened}{f' ({how})' if how else ''}",
            "yes" if self.predicted == self.happened else "**no**",
        ]


def main(words: Sequence[str] | None = None) -> None:
    """Make the runs that are missing, and write the page."""
    options = argparse.ArgumentParser(prog="python -m calibration.regimes", description=__doc__)
    options.add_argument("directory", type=Path, help="where runs are kept")
    options.add_argument("--output", type=Path, required=True, help="where the page is written")
    given = options.parse_args(words)
    directory = given.directory.absolute()
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "perfgate.toml").write_text(CONFIG)
    rate_rps = served_rps(directory)
    runs = list(made(directory, rate_rps))
    right = sum(run.predicted == run.happened for run in runs)
    given.output.write_text(page(runs, rate_rps, right))
    sys.exit(0 if right >= LEAST_RIGHT * len(runs) else 1)


def served_rps(directory: Path) -> float:
    """Return the service rate, measured once."""
    kept = directory / "rate.json"
    if not kept.exists():
        (directory / "demand.toml").write_text(LEDGER.format(rate_rps=20.0, attempts=1))
        verdict = _verdict(directory, "check", "--budget", "quick")
        (figure,) = (own for own in verdict["figures"] if own["name"] == "service rate")
        kept.write_text(json.dumps(figure["candidate"]))
    return float(json.loads(kept.read_text()))


def made(directory: Path, rate_rps: float) -> Iterator[Run]:
    """Yield every run, those first that are kept."""
    for attempts, utilisation in product(ATTEMPTS, UTILISATIONS):
        kept = directory / f"{attempts}-{utilisation}.json"
        if not kept.exists():
            run = _run(directory, attempts, utilisation, round(utilisation * rate_rps, 1))
            kept.write_text(json.dumps(asdict(run), indent=1) + "\n")
            sys.stderr.write(f"{' | '.join(run.row())}\n")
        yield Run(**json.loads(kept.read_text()))


def _run(directory: Path, attempts: int, utilisation: float, demand_rps: float) -> Run:
    ledger = LEDGER.format(rate_rps=demand_rps, attempts=attempts)
    (directory / "demand.toml").write_text(ledger)
    verdict = _verdict(directory, "check", "--budget", "quick", "--recovery")
    (told,) = (own for own in verdict["findings"] if own["check"] == "demand")
    (course,) = verdict["recoveries"]
    return Run(
        attempts=attempts,
        utilisation=utilisation,
        demand_rps=demand_rps,
        certain_rps=told["interval"][0],
        worst_rps=attempts * demand_rps,
        mu_over_rps=course["mu_over_rps"],
        was_well=course["was_well"],
        recovered_s=course["recovered_s"],
        answered_ratio=course["answered_ratio"],
    )


def _verdict(directory: Path, *words: str) -> dict[str, Any]:
    done = subprocess.run(
        (sys.executable, "-m", "perfgate", *words, "--format", "json"),
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=RUN_LIMIT_S,
        check=False,
    )
    if not done.stdout:
        sys.exit(f"perfgate {' '.join(words)} said nothing:\n{done.stderr}")
    verdict: dict[str, Any] = json.loads(done.stdout)
    return verdict


def page(runs: Sequence[Run], rate_rps: float, right: int) -> str:
    """Return the page."""
    environment = read_environment()
    machine = f"{environment.cpus} x {environment.cpu_model}, Python {environment.python}"
    header = ("attempts", "sent/served", "/s", "retried", "predicted", "happened", "agree")
    head = PAGE.format(
        runs=len(runs), rate_rps=rate_rps, limit_s=RECOVERY_LIMIT_S, machine=machine, right=right
    )
    return f"{head}{markdown_table(header, [run.row() for run in runs])}\n"


if __name__ == "__main__":
    main()
