"""Where a session's time goes, how much of its noise each part removes, and how long is best.

A check that was kept with its journals (``--output``) comes in, tables go out; nothing is measured
here. Sessions of a build beside itself say most: all their differences are noise.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from benchmarks.generators.tables import markdown_table

from calibration.cases import CASE
from perfgate.analysis.change import COST, paired, pairs_time_s, session_frame
from perfgate.analysis.compare import trimmed_log_ratio
from perfgate.analysis.sequential import percent
from perfgate.load.journal import read_journal
from perfgate.load.plan import PLAN_FILE, SCHEDULED, Phase, Plan
from perfgate.load.rows import manifest_file
from perfgate.load.schedule import Schedule
from perfgate.verdict.case import read_case

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from perfgate.load.journal import Journal
    from perfgate.measurement.models import Run

# The parts of a session in their order; each lasts until the next one begins.
PARTS = ("start", "sign-in", "warm-up", "saturation", "split", "pairs", "alone")
# A unit of measuring: so many pairs make one figure.
UNIT_PAIRS = 4
LENGTHS = (8, 16, 24, 32, 40, 48, 64, 96)


@dataclass(frozen=True)
class Spread:
    """The noise of sessions with ``units`` units each: standard deviations of log ratios.

    ``unit`` is that of one unit within its session, ``session`` that of whole sessions, and
    ``process`` what would be left of it however long a session measured: fresh processes differ.
    """

    units: int
    unit: float
    session: float

    @property
    def process(self) -> float:
        """Return the part that no measuring within a session removes."""
        return math.sqrt(max(self.session**2 - self.unit**2 / self.units, 0.0))


def spread(units: Sequence[NDArray[np.float64]]) -> Spread:
    """Return the noise of sessions, each given by the figures of its units."""
    within = float(np.mean([np.var(own, ddof=1) for own in units]))
    session = float(np.std([own.mean() for own in units], ddof=1))
    return Spread(min(map(len, units)), math.sqrt(within), session)


def best_units(restart_s: float, unit_s: float, noise: Spread) -> float:
    """Return how many units a session should measure for the least time to a given certainty.

    n = sqrt(c2/c1 s1^2/s2^2) with c2 the time of a restart, c1 that of a unit, s1 the deviation of
    a unit and s2 that of processes (Kalibera and Jones, Rigorous benchmarking in reasonable time,
    ISMM 2013, section 6). Infinite where processes do not differ.
    """
    if noise.process == 0:
        return math.inf
    return math.sqrt(restart_s / unit_s) * noise.unit / noise.process


def capacity_units(run: Run) -> NDArray[np.float64]:
    """Return the slowdown of capacity by units of pairs."""
    candidate_s, base_s = pairs_time_s(run, "candidate"), pairs_time_s(run, "base")
    cuts = range(UNIT_PAIRS, len(base_s) + 1, UNIT_PAIRS)
    return np.array(
        [
            trimmed_log_ratio(candidate_s[end - UNIT_PAIRS : end], base_s[end - UNIT_PAIRS : end])
            for end in cuts
        ]
    )


def cost_units(run: Run) -> NDArray[np.float64]:
    """Return the slowdown of cost by units of pairs, of equal work each."""
    candidate_s, base_s = (
        _unit_sums(run.builds["candidate"].pairs.cpu_s),
        _unit_sums(run.builds["base"].pairs.cpu_s),
    )
    ratios: NDArray[np.float64] = np.log(candidate_s / base_s)
    return ratios


def _unit_sums(column: Sequence[float]) -> NDArray[np.float64]:
    whole = len(column) // UNIT_PAIRS * UNIT_PAIRS
    sums: NDArray[np.float64] = np.array(column[:whole]).reshape(-1, UNIT_PAIRS).sum(axis=1)
    return sums


def open_costs(runs: Sequence[Run]) -> NDArray[np.float64]:
    """Return per session the slowdown of cost in the open loop, where both got equal requests."""
    return np.array(
        [
            math.log(run.builds["candidate"].open_cpu_s / run.builds["base"].open_cpu_s)
            for run in runs
        ]
    )


def parts_s(run_dir: Path) -> dict[str, float]:
    """Return how long each part of a session lasted, in seconds.

    The start is told by files: the schedule is written when the builds have been started, just
    before Locust is; from then on the journal's clock goes. What follows the last part, the end of
    Locust and of the builds, is not in it.
    """
    plan = Plan.read(run_dir / PLAN_FILE)
    schedule_file = run_dir / "schedule.npz"
    journal = read_journal(run_dir, plan, len(Schedule.read(schedule_file)))
    manifest = manifest_file(run_dir, 0)
    lasted_s = json.loads(manifest.read_text())["condition"]["seconds"]
    whole_s = manifest.stat().st_mtime - schedule_file.stat().st_mtime
    ended_s = float(max(journal.windows["to_s"].max(), np.nanmax(journal.rows["ended_s"])))
    begun_s = ended_s - lasted_s
    marks = {"start": begun_s - (whole_s - lasted_s), "sign-in": begun_s, **_marks(journal)}
    there = [name for name in PARTS if name in marks]
    return {
        name: marks[later] - marks[name] if later else ended_s - marks[name]
        for name, later in zip(there, [*there[1:], None], strict=True)
    }


def _marks(journal: Journal) -> dict[str, float]:
    """Return when each part began that sends requests."""
    phase, started_s = journal.rows["phase"], journal.rows["intended_s"]
    phases = {
        "warm-up": (Phase.WARMUP,),
        "saturation": (Phase.SATURATION,),
        "split": SCHEDULED,
        "pairs": (Phase.PAIRS,),
        "alone": (Phase.SOLO,),
    }
    found = {name: started_s[np.isin(phase, codes)] for name, codes in phases.items()}
    return {name: float(np.nanmin(times_s)) for name, times_s in found.items() if len(times_s)}


def time_table(parts: Sequence[Mapping[str, float]]) -> str:
    """Return the table of where time goes."""
    names = [name for name in PARTS if any(name in own for own in parts)]
    rows = []
    for name in names:
        seconds = [own.get(name, 0.0) for own in parts]
        rows.append([name, f"{np.mean(seconds):.2f}", f"{np.std(seconds):.2f}"])
    whole = [sum(own.values()) for own in parts]
    rows.append(["**all**", f"{np.mean(whole):.2f}", f"{np.std(whole):.2f}"])
    return markdown_table(("part", "seconds", "sd"), rows)


def noise_table(runs: Sequence[Run], restart_s: float, unit_s: float) -> str:
    """Return the table of noise, and of the best length of the pairs for each metric."""
    rows = []
    units = {"capacity": capacity_units, "cost, pairs only": cost_units}
    for name, cut in units.items():
        noise = spread([cut(run) for run in runs])
        best = best_units(restart_s, unit_s, noise) * UNIT_PAIRS
        told = [percent(sd) for sd in (noise.session, noise.unit, noise.process)]
        rows.append([name, *(f"{value:.2f} %" for value in told), f"{best:.0f}"])
    judged = session_frame(runs)[COST].to_numpy(dtype=float)
    for name, values in (("cost, split only", open_costs(runs)), ("cost, as judged", judged)):
        rows.append([name, f"{percent(float(np.std(values, ddof=1))):.2f} %", "-", "-", "-"])
    header = ("metric", "sd of sessions", f"of {UNIT_PAIRS} pairs", "of processes", "best pairs")
    return markdown_table(header, rows)


def length_table(runs: Sequence[Run]) -> str:
    """Return the table of the noise that sessions with fewer pairs would have had."""
    most = min(len(run.builds["base"].pairs.wall_s) for run in runs)
    rows = []
    for pairs in (length for length in LENGTHS if length <= most):
        cut = [_cut(run, pairs) for run in runs]
        frame = session_frame(cut)
        sds = [percent(float(frame[name].std())) for name in ("capacity", COST)]
        rows.append([str(pairs), *(f"{sd:.2f} %" for sd in sds)])
    return markdown_table(("pairs", "capacity", "cost"), rows)


def _cut(run: Run, pairs: int) -> Run:
    """Return the session as if it had made only its first pairs."""
    builds = {}
    for role, figures in run.builds.items():
        columns = {name: column[:pairs] for name, column in figures.pairs if column}
        builds[role] = figures.model_copy(
            update={"pairs": figures.pairs.model_copy(update=columns)}
        )
    return run.model_copy(update={"builds": builds})


def tell(kept: Sequence[Path]) -> str:
    """Return the tables of checks kept in these directories, taken together."""
    run_dirs = [path for one in kept for path in sorted((one / "runs").glob("*session*"))]
    parts = [parts_s(path) for path in run_dirs]
    runs = [run for one in kept for run in paired(read_case(one / CASE).sessions)]
    whole_s = float(np.mean([sum(own.values()) for own in parts]))
    pairs_s = float(np.mean([own["pairs"] for own in parts]))
    pairs = min(len(run.builds["base"].pairs.wall_s) for run in runs)
    unit_s = pairs_s / pairs * UNIT_PAIRS
    tables = (
        time_table(parts),
        noise_table(runs, whole_s - pairs_s, unit_s),
        length_table(runs),
    )
    return f"{len(runs)} sessions\n\n" + "\n\n".join(tables) + "\n"


def main() -> None:
    """Print the tables."""
    options = argparse.ArgumentParser(prog="python -m calibration.session_parts")
    options.add_argument("kept", type=Path, nargs="+", help="directory of `check --output`")
    sys.stdout.write(tell(options.parse_args().kept))


if __name__ == "__main__":
    main()
