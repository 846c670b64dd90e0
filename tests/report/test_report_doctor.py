"""How findings on a machine read, for people and for programs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from builders import discarded, environment, incident, sessions
from examinations import examined, noisy, rehearsal
from hostile import TEXTS

from perfgate.cli.doctor import FORMAT_NAMES
from perfgate.report.doctor import FORMATS, render, render_json
from perfgate.verdict.fitness import Lateness

DOCUMENT = Path(__file__).parents[2] / "docs" / "doctor.md"
SHARED = environment(cpus=1, target_cpus=(0,), generator_cpus=(0,))
SLOW_SESSIONS = rehearsal(sessions=sessions(4), seconds=2000.0)

EXAMINATIONS = {
    "machine only": examined(),
    "untrustworthy": examined(faults=("the load generator was late",)),
    "fit": examined(noisy(0.004)),
    "shared": examined(noisy(0.004), environment=SHARED, steal_ratio=None, loaded_steal_ratio=None),
    "unfit": examined(noisy(0.014), pressure_ratio=0.4, governors=("powersave",)),
    "robbed": examined(
        replace(
            rehearsal(6, 120.0, sessions=sessions(6, noise=0.011), discarded=discarded(1)),
            steal_ratio=0.34,
        ),
        timer=Lateness(0.12, 5.84),
        generator_cost_s=0.00077,
        lag_p99_ms=13.67,
        loaded_steal_ratio=0.41,
        pressure_ratio=0.019,
        faults=("the hypervisor took 41% of a CPU away (limit 20%)",),
    ),
    "too slow": examined(SLOW_SESSIONS),
    "died": examined(rehearsal(sessions=sessions(1), incidents=(incident(),))),
}

each = pytest.mark.parametrize("name", EXAMINATIONS)


def words(name: str) -> str:
    """Return the text for people on one line."""
    return " ".join(render(EXAMINATIONS[name]).split())


def test_formats_are_those_of_the_command_line() -> None:
    """The command line offers every format there is."""
    assert tuple(FORMATS) == FORMAT_NAMES


@each
def test_lines_are_short(name: str) -> None:
    """No line is wider than a terminal, and none ends in a space."""
    for line in render(EXAMINATIONS[name]).splitlines():
        assert len(line) <= 100
        assert line == line.rstrip()


@each
def test_both_formats_say_the_same(name: str) -> None:
    """Programs get the answer, its reason and the advice that people get, and valid JSON."""
    document = json.loads(render_json(EXAMINATIONS[name]))
    assert document["fit"] == EXAMINATIONS[name].fit
    for sentence in [document["reason"], *document["advice"]]:
        assert " ".join(sentence.split()) in words(name)


def test_what_was_not_measured_is_said() -> None:
    """Without a service, the text claims nothing of its noise."""
    assert "noise" not in json.loads(render_json(EXAMINATIONS["machine only"]))
    assert "how noisy a service is here was not measured" in words("machine only")
    assert "smallest found" not in words("machine only")


def test_what_is_found_is_told_in_sentences() -> None:
    """The time for a typical slowdown, and the smallest that the budget finds."""
    assert "This machine can tell a slowdown of 3 % of auth within the budget." in words("fit")
    assert "A slowdown of 5 % is found in about" in words("fit")
    assert "the smallest that the budget (120 s of sessions) can find is" in words("fit")


def test_what_is_not_found_is_told() -> None:
    """Nobody is told of a time in which nothing is found, nor of looks that are never reached."""
    assert "This machine cannot tell a slowdown of 3 %" in words("unfit")
    assert (
        "A first decision needs 4 sessions, 400 s each: the budget (120 s of sessions) is too "
        "little." in words("too slow")
    )
    assert words("too slow").count("beyond the budget") == 4
    assert "Its noise is not known, after 1 session:" in words("died")


def test_the_document_shows_an_answer_as_it_reads_now() -> None:
    """docs/doctor.md has what is said of a machine whose hypervisor has much else to do."""
    assert f"\n{render(EXAMINATIONS['robbed'])}$ echo $?\n3\n" in DOCUMENT.read_text()


def test_idle_and_loaded_steal_are_told_apart() -> None:
    """What a hypervisor takes under load is told beside what it takes while perfgate is idle."""
    told = "steal 0.0 %, CPU pressure 1.9 %, with perfgate next to idle; steal 41.0 % under load."
    assert told in words("robbed")
    assert json.loads(render_json(EXAMINATIONS["robbed"]))["loaded_steal_ratio"] == 0.41


def test_one_cpu_for_both_is_told_with_its_cost() -> None:
    """Who shares a CPU reads what the load generator takes of it, beside the service."""
    told = "of its time, 0.50 ms of each request are the load generator's, 2.00 ms the service's"
    assert told in words("shared")
    assert "steal not told by the kernel" in words("shared")


@pytest.mark.parametrize("text", TEXTS)
def test_names_cannot_forge_lines(text: str) -> None:
    """A service's name and its last words are shown on a line of text, whatever they are."""
    forged = replace(EXAMINATIONS["died"].rehearsal or noisy(0.1), service=text, trouble=text)
    shown = render(examined(forged))
    assert shown.replace("\n", "").isprintable()
    assert len(shown.splitlines()) <= len(render(EXAMINATIONS["died"]).splitlines()) + 2
