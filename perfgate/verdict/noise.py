"""What a build beside itself has shown becomes a record for later, and a record what it tells now.

Nothing is measured here, and no file is read or written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfgate.analysis.resolution import Pace, noise_of, resolution_at
from perfgate.analysis.sequential import percent
from perfgate.baseline.hashes import profile_hash
from perfgate.baseline.noise import MetricNoise, NoiseRecord
from perfgate.baseline.sealed import rounded
from perfgate.exitcodes import ExitCode
from perfgate.verdict.advice import own_machine
from perfgate.verdict.checks.change import policy_plan
from perfgate.verdict.finding import told_apart
from perfgate.verdict.fitness import Rehearsal, more_sessions

if TYPE_CHECKING:
    from perfgate.config.models import Config
    from perfgate.measurement.models import Environment
    from perfgate.verdict.case import Case

# Sessions that differ by more (log) take too many of them to find small losses.
NOISY_SD = 0.015
# Of a time like 2026-11-24T10:00:00+00:00.
DAY = len("2026-11-24")


def record_of(rehearsal: Rehearsal, case: Case) -> NoiseRecord:
    """Return the sealed record of what a build beside itself has shown in the case.

    Raises ValueError for a rehearsal that met with trouble.
    """
    found, measured = rehearsal.resolution, case.measurement
    if found is None:
        raise ValueError(f"no noise is known: {rehearsal.trouble}")
    return NoiseRecord(
        service=rehearsal.service,
        profile=measured.profile,
        profile_hash=profile_hash(case.profile),
        build=measured.candidate,
        measured_at=measured.taken_at,
        perfgate=measured.perfgate,
        environment=measured.environment,
        sessions=rehearsal.sessions,
        set_aside=rehearsal.set_aside,
        offered_rps=rounded(rehearsal.offered_rps),
        cost_ms=rounded(rehearsal.cost_s * 1000),
        generator_cpu_ratio=rounded(rehearsal.generator_cpu_ratio),
        lag_p99_ms=rounded(rehearsal.lag_p99_ms),
        first_s=rounded(found.pace.first_s),
        session_s=rounded(found.pace.session_s),
        metrics={
            name: MetricNoise(mean=rounded(own.mean), sd=rounded(own.sd))
            for name, own in found.noise.items()
        },
    ).sealed()


def remembered(record: NoiseRecord, config: Config) -> Rehearsal:
    """Return what the record tells of checks as they are configured now.

    The headroom is not known without a run: the margin in force is taken to be the configured one.
    """
    pace = Pace(record.first_s, record.session_s, config.budget.sessions_s)
    configured = config.profiles[record.profile].looks
    plan = policy_plan(config.margins, configured or pace.looks())
    noise = {
        name: noise_of(own.mean, own.sd, record.sessions, plan)
        for name, own in record.metrics.items()
    }
    return Rehearsal(
        service=record.service,
        sessions=record.sessions,
        set_aside=record.set_aside,
        offered_rps=record.offered_rps,
        cost_s=record.cost_ms / 1000,
        generator_cpu_ratio=record.generator_cpu_ratio,
        lag_p99_ms=record.lag_p99_ms,
        margin=plan.margin,
        margin_in_force=plan.margin,
        resolution=resolution_at(noise, plan, pace),
        looks_configured=configured is not None,
        known_since=record.measured_at[:DAY],
        senders=config.load.processes,
    )


def calibrated(rehearsal: Rehearsal) -> ExitCode:
    """Return PASS where sessions differ little enough, else UNDECIDED."""
    fine = rehearsal.resolution is not None and not noisy(rehearsal) and not biased(rehearsal)
    return ExitCode.PASS if fine else ExitCode.UNDECIDED


def noisy(rehearsal: Rehearsal) -> dict[str, float]:
    """Return the metrics in which sessions differ by too much, with the spread (log) of each."""
    noise = rehearsal.resolution.noise if rehearsal.resolution else {}
    return {name: own.sd for name, own in noise.items() if own.sd > NOISY_SD}


def biased(rehearsal: Rehearsal) -> dict[str, float]:
    """Return the metrics in which the build surely differs from itself, with the mean (log)."""
    noise = rehearsal.resolution.noise if rehearsal.resolution else {}
    return {name: own.mean for name, own in noise.items() if own.biased}


def wrong_with(rehearsal: Rehearsal) -> list[str]:
    """Return in sentences what is wrong with the noise; none where it is fine."""
    told = [
        f"The same build differed from itself by {told_apart([percent(mean)], 1, '+')[0]} % in "
        f"{name}, more than chance explains: look for what favours one side before you trust a "
        "verdict here."
        for name, mean in biased(rehearsal).items()
    ]
    told += [
        f"Sessions differ by {told_apart([percent(sd), percent(NOISY_SD)], 1)[0]} % in {name}: "
        f"that is much, {100 * NOISY_SD:g} % would be fine."
        for name, sd in noisy(rehearsal).items()
    ]
    return told


def against_noise(rehearsal: Rehearsal, environment: Environment) -> list[str]:
    """Return in sentences what would help; none where sessions differ little enough."""
    found = rehearsal.resolution
    if found is None or not noisy(rehearsal):
        return []
    runner = "A bigger runner, or one of its own: other guests and other jobs are the usual noise."
    return [
        more_sessions(rehearsal, found),
        _pin(environment),
        own_machine(rehearsal.steal_ratio or 0.0) if rehearsal.robbed else runner,
    ]


def _pin(environment: Environment) -> str:
    if environment.shared:
        return "A second CPU: builds and load generator share the only one."
    cpu = environment.target_cpus[0]
    return f"Pin what else runs here to other CPUs: the builds have CPU {cpu} (`taskset`, cpusets)."
