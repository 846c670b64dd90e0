"""Where a report comes from: builds, machine and load as rows, and the commands that repeat it.

What was measured, and how long it took, is said in :mod:`perfgate.report.figures`.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, NamedTuple

from perfgate.build.images import DIGEST

if TYPE_CHECKING:
    from perfgate.baseline.record import BaselineRecord
    from perfgate.measurement.models import BuildId, Environment
    from perfgate.verdict.case import Case

COMMIT = 12


class Fact(NamedTuple):
    """Something of which the report was made, by its name."""

    name: str
    words: str


class Command(NamedTuple):
    """A command, and what it does."""

    line: str
    does: str


def facts_of(case: Case) -> list[Fact]:
    """Return which builds were measured, when, on what machine, under which load."""
    measured, terms = case.measurement, case.terms
    machine = measured.environment
    return [
        Fact("candidate", _build(measured.candidate)),
        *([] if measured.base is None else [Fact("base", _build(measured.base))]),
        *([] if terms.baseline is None else [Fact("stored baseline", _stored(terms.baseline))]),
        Fact("measured", f"{measured.taken_at}, with perfgate {measured.perfgate}"),
        Fact("machine", _machine(machine)),
        Fact("CPUs", f"builds {_of_builds(case)}, load {_cpus(machine.generator_cpus)}"),
        Fact("profile", f"{measured.profile}, seed {measured.seed}"),
        Fact("demand", f"of {terms.on} and {terms.config.demand.horizon_days} days after it"),
        *_conditions(case),
    ]


def commands_of(case: Case) -> list[Command]:
    """Return how to judge the same measurement again, and how to measure again."""
    return [
        Command(
            "perfgate judge measurement.json --format html",
            "The same verdict and this page again, without load",
        ),
        Command(shlex.join(["perfgate", *_again(case)]), _differs(case)),
    ]


def _again(case: Case) -> list[str]:
    measured, terms = case.measurement, case.terms
    compared = measured.base is not None or case.compares_none
    return [
        *(["check"] if compared else ["measure", "--output", "measurement.json"]),
        *("--candidate", _named(measured.candidate)),
        *_against(case),
        *("--profile", measured.profile, "--on", str(terms.on), "--seed", str(measured.seed)),
        *(["--recovery"] if measured.recoveries else []),
        *(["--find-capacity"] if measured.search is not None else []),
    ]


def _against(case: Case) -> list[str]:
    if case.terms.quick:
        return ["--budget", "quick"]
    base = case.measurement.base
    if base is not None:
        return ["--base", _named(base)]
    return ["--stored"] if case.stored_decides else []


def _named(build: BuildId) -> str:
    """Return how a command names the build: by commit, directory or image, or the tree here."""
    if build.commit is not None and not build.dirty:
        return build.commit
    return build.name if build.name.startswith("/") or f"@{DIGEST}" in build.name else "."


def _differs(case: Case) -> str:
    """Return what the command does, and what of the build it cannot bring back."""
    own = case.measurement.candidate
    if own.commit is None or own.dirty:
        return "The same load again; what the candidate was is in no commit"
    return "The same load on the same builds again"


def _build(build: BuildId) -> str:
    commit = "" if build.commit is None else f", commit {build.commit}"
    return f"{build.name}{commit}{', with uncommitted changes' if build.dirty else ''}"


def _stored(record: BaselineRecord) -> str:
    because = f": {record.accepted_because}" if record.accepted_because else ""
    return (
        f"commit {record.commit[:COMMIT]}, measured {record.measured_at}, accepted as "
        f"{record.verdict}{because}"
    )


def _machine(machine: Environment) -> str:
    return (
        f"{machine.cpus} x {machine.cpu_model} ({machine.virtual}), {machine.machine}, kernel "
        f"{machine.kernel}, Python {machine.python}"
    )


def _of_builds(case: Case) -> str:
    return "unknown" if case.terms.at_url else _cpus(case.measurement.environment.target_cpus)


def _cpus(numbers: tuple[int, ...]) -> str:
    return f"on {', '.join(map(str, numbers))}"


def _conditions(case: Case) -> list[Fact]:
    own = case.measurement.conditions
    if own is None:
        return []
    shares = sorted(own.mix.items(), key=lambda item: -item[1])
    mix = ", ".join(f"{name} {100 * share:.1f} %" for name, share in shares)
    hashes = f"profile {own.profile_hash}, Locust file {own.locustfile_hash}"
    return [Fact("mix", mix), Fact("hashes", hashes)]
