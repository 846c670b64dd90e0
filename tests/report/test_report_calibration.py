"""How a calibration reads, and the plan of a check that it makes possible."""

from __future__ import annotations

import pytest
from builders import config, environment, incident, sessions
from examinations import noise_record, noisy, rehearsal

from perfgate.analysis.resolution import Pace
from perfgate.baseline.noise import MetricNoise
from perfgate.report.calibration import foretold, render
from perfgate.verdict.noise import remembered

PACE = Pace(first_s=20.0, session_s=14.0, budget_s=240.0)
LOOKS = (4, 6, 8, 10)


def plan(sd: float, looks: tuple[int, ...] = LOOKS, **sections: object) -> str:
    """Return the plan of a check where sessions are known to differ by this."""
    held = config(profiles={"default": {"looks": list(looks)}}, **sections)
    metrics = {name: MetricNoise(mean=0.0, sd=sd) for name in ("cost", "capacity")}
    known = remembered(noise_record(metrics=metrics), held)
    assert known.resolution is not None
    return foretold(known.resolution.pace, looks, known)


def test_the_plan_says_how_long_and_what_is_found() -> None:
    """Seconds from the first look to the end, and the look that finds 5 % and the margin."""
    assert plan(0.005) == (
        "plan: 4 to 9 sessions, about 80 to 150 s; 5 % is found at the first look, 3 % is found "
        "after 6 sessions (calibrated 2026-11-20 with 12 sessions)"
    )


def test_what_is_not_found_is_said() -> None:
    """Where the noise hides the margin, the plan says what it does not hide."""
    assert "; 5 % is found after 8 sessions, the smallest loss that is found is 4" in plan(0.018)
    assert "; the smallest loss that is found is 5.1 % (" in plan(0.02)


def test_the_margin_is_told_once() -> None:
    """A margin of 5 % is not told twice."""
    assert plan(0.003, margins={"slowdown": 0.05}).count("5 %") == 1


def test_the_budget_ends_the_plan() -> None:
    """It ends with the last session that is afforded; a budget without any look is told."""
    assert plan(0.006, budget={"sessions_s": 60.0}).startswith("plan: 4 sessions, about 80 s;")
    longer = plan(0.006, budget={"sessions_s": 75.0})
    assert longer.startswith("plan: 4 to 5 sessions, about 80 to 90 s;")
    assert "sessions_s = 30 in [budget] is too little" in plan(0.006, budget={"sessions_s": 30.0})


def test_without_a_calibration() -> None:
    """Where nothing is known, the time is a guess, and the way to know is named."""
    told = foretold(PACE, LOOKS, None)
    assert told.startswith("plan: 4 to 10 sessions, about 80 to 160 s; ")
    assert "`perfgate calibrate`" in told


@pytest.mark.parametrize(("noise", "helps"), [(0.002, False), (0.02, True)])
def test_a_calibration_reads_from_the_noise_on(noise: float, helps: bool) -> None:
    """First how much sessions differ, then what is found and when, then what would help."""
    text = render(noisy(noise), environment())
    words = " ".join(text.split())
    assert words.startswith("auth: 4 sessions of the same build beside itself, ")
    assert "smallest found" in text
    assert ("->" in text) is helps
    assert max(map(len, text.splitlines())) <= 100


def test_a_calibration_that_failed() -> None:
    """Where the service died, its last words are the reason."""
    died = rehearsal(sessions=sessions(1), incidents=(incident(),))
    assert "No noise is known after 1 session: " in render(died, environment())
    assert "exited with code 7" in render(died, environment())
