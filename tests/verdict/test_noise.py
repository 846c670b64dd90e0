"""What a build beside itself has shown, kept and remembered."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import Build, case, config, environment, incident, sessions, terms
from examinations import noise_record, noisy, rehearsal

from perfgate.exitcodes import ExitCode
from perfgate.verdict.noise import (
    NOISY_SD,
    against_noise,
    calibrated,
    record_of,
    remembered,
    wrong_with,
)

SHARED = environment(cpus=1, target_cpus=(0,), generator_cpus=(0,))


@pytest.mark.parametrize("noise", [0.002, 0.014])
def test_what_is_kept_is_remembered(noise: float) -> None:
    """Law: a record tells of checks what the sessions told that it was made from."""
    tried = noisy(noise)
    kept = record_of(tried, case(noise=noise))
    assert kept.is_intact
    told = remembered(kept, config())
    assert told.known_since == "2026-11-24"
    assert tried.resolution is not None
    assert told.resolution is not None
    assert told.resolution.pace.session_s == pytest.approx(tried.resolution.pace.session_s)
    for was, now in zip(tried.resolution.looks, told.resolution.looks, strict=True):
        assert now.detectable == pytest.approx(was.detectable, rel=1e-3)
        assert now.affordable == was.affordable


def test_looks_are_those_of_now() -> None:
    """Looks, margins and the budget are configured; only noise and pace are remembered."""
    held = config(profiles={"default": {"looks": [5]}}, budget={"sessions_s": 60.0})
    told = remembered(noise_record(), held).resolution
    assert told is not None
    assert [(look.sessions, look.affordable) for look in told.looks] == [(5, False)]


def test_trouble_is_not_kept() -> None:
    """Sessions that could not be made leave nothing to keep."""
    with pytest.raises(ValueError, match="no noise is known"):
        record_of(rehearsal(sessions=sessions(2), incidents=(incident(),)), case())


def test_too_much_noise_is_told_with_what_helps() -> None:
    """Above 1.5 %, the exit code is 3, and more sessions, pinning and a bigger runner are named."""
    assert NOISY_SD < 2 * 0.014 / 3**0.5  # of four sessions that go up and down by 0.014
    loud = noisy(0.014)
    assert calibrated(loud) is ExitCode.UNDECIDED
    assert [line[:23] for line in wrong_with(loud)] == ["Sessions differ by 1.6 %"[:23]] * 2
    told = " ".join(against_noise(loud, environment()))
    for words in ("looks = [4, 5, 6, 8, 10, ", "CPU 0", "bigger runner"):
        assert words in told
    assert "A second CPU" in " ".join(against_noise(loud, SHARED))


def test_a_hypervisor_is_blamed_by_its_figure() -> None:
    """Where it took as much as sessions differ by, it is named with what it took."""
    loud = replace(noisy(0.014), steal_ratio=0.3)
    assert against_noise(loud, environment())[-1].startswith("A machine of its own, or another")
    assert "gave 30 % of a CPU" in against_noise(loud, environment())[-1]


def test_little_noise_is_fine() -> None:
    """Up to 1.5 %, nothing is advised, and the exit code is 0."""
    assert calibrated(noisy(0.01)) is ExitCode.PASS
    assert wrong_with(noisy(0.01)) == against_noise(noisy(0.01), environment()) == []


def test_a_build_that_differs_from_itself() -> None:
    """A bias is told, however little noise there is."""
    found = rehearsal(sessions=sessions(4, candidate=Build(cost=0.1)))
    assert calibrated(found) is ExitCode.UNDECIDED
    (told,) = wrong_with(found)
    assert "+10.5 % in cost" in told


def test_trouble_is_undecided() -> None:
    """Where the service did not come through, nothing is known."""
    died = rehearsal(sessions=sessions(2), incidents=(incident(),))
    assert calibrated(died) is ExitCode.UNDECIDED
    assert wrong_with(died) == against_noise(died, environment()) == []


def test_the_headroom_is_not_remembered() -> None:
    """Today's ledger decides what may be lost; a record cannot know it."""
    told = remembered(noise_record(), terms().config)
    assert told.margin_in_force == told.margin
