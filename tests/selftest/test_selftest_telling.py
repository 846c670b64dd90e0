"""How selftests read, for people and for programs."""

from __future__ import annotations

import json

import pytest
from gates import ALARMED, ASLEEP, AWAKE, NOISY, TROUBLED, UNTRIED

from perfgate.cli.selftest import FORMAT_NAMES
from perfgate.selftest.outcome import Selftest, advice, told_all
from perfgate.selftest.telling import FORMATS, render, render_json

SELFTESTS = {
    "awake": AWAKE,
    "asleep": ASLEEP,
    "alarmed": ALARMED,
    "noisy": NOISY,
    "troubled": TROUBLED,
    "untried": UNTRIED,
}
each = pytest.mark.parametrize("selftest", SELFTESTS.values(), ids=SELFTESTS)


def words(selftest: Selftest) -> str:
    """Return the text for people on one line."""
    return " ".join(render(selftest).split())


def test_formats_are_those_of_the_command_line() -> None:
    """The command line offers every format there is."""
    assert tuple(FORMATS) == FORMAT_NAMES


@each
def test_lines_are_short(selftest: Selftest) -> None:
    """No line is wider than a terminal, and none ends in a space."""
    for line in render(selftest).splitlines():
        assert len(line) <= 100
        assert line == line.rstrip()


@each
def test_both_formats_say_the_same(selftest: Selftest) -> None:
    """Programs get outcome, doses, reasons and advice that people get, and valid JSON."""
    document, seen = json.loads(render_json(selftest)), words(selftest)
    assert seen.startswith(f"{document['outcome']}: {told_all(selftest)}.")
    assert document["exit_code"] == int(selftest.exit_code)
    assert [own["in_front"] for own in document["trials"]] == [
        str(trial.harm.kind) for trial in selftest.trials
    ]
    for own in document["trials"]:
        assert own["reason"] in seen
        assert own["hint"] in seen
        assert own["verdict"] is None or own["verdict"] in seen


def test_a_trial_has_dose_verdict_reason_and_time() -> None:
    """The row of a harm says what was wanted, said and taken; below stand its size and why."""
    text = render(AWAKE)
    assert "  cpu         fail            FAIL              64 s\n" in text
    assert "Each request takes 0.6 ms of CPU, +30 % of its CPU time." in words(AWAKE)
    assert "status 500: 251 of 2510." in words(AWAKE)
    assert "CPU time per request rose 30.0 %" in words(AWAKE)


def test_wrong_answers_are_marked() -> None:
    """Beside a verdict that is not what it should be stands what that means, and what to do."""
    text = render(ASLEEP)
    assert "64 s   asleep\n" in text
    assert f"-> {advice(ASLEEP.trials[3])}" in words(ASLEEP)
    assert "false alarm" in render(ALARMED)
    assert "-> " not in render(AWAKE)


def test_sizes_are_not_made_up() -> None:
    """Where no session tells what is usual, nothing is said of it."""
    assert json.loads(render_json(UNTRIED))["usual"] is None
    assert "Unharmed" not in render(UNTRIED)
    assert "Unharmed" in render(AWAKE)
