"""``perfgate demand admit`` and ``export``: the dependent's side of the gate."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
from builders import case, conditions, environment, record
from incident_records import FOLDER, RATES_RPS, incident_path, incident_record

from cli.command_line import PERFGATE, run_process, save
from perfgate.baseline.capacity import parse_capacity
from perfgate.baseline.store import write_record
from perfgate.cli.admit import FORMAT_NAMES
from perfgate.report.admission import FORMATS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli.command_line import Finished

DAY = ("--on", "2018-07-13")
TODAY = (*DAY, "--from", "2018-07-13", "--scale", 1)
PLANNED = (*DAY, "--from", "2018-07-18")
MIGRATION = "delegate authentication of submissions"

# Runs perfgate with the words that follow, then tells which modules it has imported.
TELL_IMPORTS = """
import sys
from perfgate.cli import main
try:
    main()
finally:
    print(*sys.modules, file=sys.stderr)
"""


def ask(perfgate: Callable[..., Finished], build: str, *words: object) -> Finished:
    """Ask for smtp-inbound, of the service with a build of the incident."""
    return perfgate("demand", "admit", "--of", incident_path(build), "-d", "smtp-inbound", *words)


@pytest.mark.parametrize("build", RATES_RPS)
def test_the_records_of_the_incident_are_exports(build: str) -> None:
    """The files are what their ledger and rates make; run tests/incident_records.py for new."""
    text = incident_path(build).read_text()
    assert parse_capacity(text, build) == incident_record(build)
    assert text == incident_record(build).to_text()


@pytest.mark.parametrize(
    ("build", "words", "verdict"),
    [
        ("old-build", TODAY, "WARN"),
        ("old-build", PLANNED, "WARN"),
        ("slow-build", TODAY, "WARN"),
        ("slow-build", PLANNED, "FAIL"),
    ],
)
def test_the_incident(
    perfgate: Callable[..., Finished], build: str, words: tuple[object, ...], verdict: str
) -> None:
    """It took both changes: each alone is admitted, though retries are dangerous; both are not."""
    run = ask(perfgate, build, *words)
    assert run.out.startswith(f"{verdict}: smtp-inbound")
    assert run.code == (verdict == "FAIL")
    assert "metastable" in run.out
    text = " ".join(run.out.split())
    assert (f'The change "{MIGRATION}" of smtp-inbound on 2018-07-18 adds 66/s' in text) == (
        build == "slow-build"
    )


@pytest.mark.parametrize(
    ("build", "other", "told"),
    [
        ("old-build", "slow-build", "In no order"),
        ("slow-build", "old-build", "The build has to ship first"),
        ("old-build", "old-build", "Either may ship first"),
    ],
)
def test_the_order_of_both_sides(
    perfgate: Callable[..., Finished], build: str, other: str, told: str
) -> None:
    """Where another build is about to ship, it is said which has to go first."""
    run = ask(perfgate, build, *PLANNED, "--with", incident_path(other))
    assert told in run.out
    assert run.code == (other == "slow-build" or build == "slow-build")
    document = json.loads(
        ask(perfgate, build, *PLANNED, "--with", incident_path(other), "-f", "json").out
    )
    assert len(document["states"]) == 4


def test_json(perfgate: Callable[..., Finished]) -> None:
    """Programs get the verdict, its findings and the figures before and after."""
    document = json.loads(ask(perfgate, "slow-build", *PLANNED, "--format", "json").out)
    assert document["format"] == "perfgate.admission/1"
    assert (document["verdict"], document["findings"][0]["check"]) == ("FAIL", "demand")
    assert (document["what"], document["from"]) == (MIGRATION, "2018-07-18")
    rates = [document[when]["first_try_rps"] for when in ("before", "after")]
    assert rates == pytest.approx([225.0, 291.0])
    assert document["order"] is None


def test_format_names_are_the_registry() -> None:
    """The formats that are offered are those there are."""
    assert list(FORMATS) == list(FORMAT_NAMES)


@pytest.mark.parametrize(
    ("words", "added"),
    [
        (("--add", 66), "adds 66/s"),
        (("--scale", "2,3.2,4"), "adds 66/s"),
        (("--file", FOLDER / "demand.toml", "--what", "all of it"), "adds 66/s"),
    ],
)
def test_ways_to_say_it(
    perfgate: Callable[..., Finished], words: tuple[object, ...], added: str
) -> None:
    """A factor, an addition or an entry: from the day on the demand is what they say."""
    given = ("--from", "2018-07-18", "--what", MIGRATION, *words)
    run = ask(perfgate, "slow-build", *DAY, *given)
    if "--file" in words:
        assert run.out.startswith("FAIL: smtp-inbound, all of it, from 2018-07-18 on")
        return
    assert added in run.out
    assert run.code == 1


@pytest.mark.parametrize("words", [("--add", 66), ()])
def test_a_day_that_is_past_is_judged_as_of_today(
    perfgate: Callable[..., Finished], words: tuple[object, ...]
) -> None:
    """What is to begin on a day gone by, a year mistyped say, is held against today's demand."""
    given = (*DAY[:-1], "2018-07-20", "--from", "2018-07-18", *words)
    run = ask(perfgate, "slow-build", *given)
    assert run.code == 1
    assert "2018-07-18 is past: judged as of 2018-07-20" in run.err
    assert ", from 2018-07-20 on" in run.out


def test_a_new_dependent_brings_its_entry(perfgate: Callable[..., Finished], project: Path) -> None:
    """One that the ledger does not know yet is admitted by a ledger of its own."""
    (project / "own.toml").write_text(
        'format = "perfgate.demand/1"\n[[dependent]]\nname = "imap"\npeak_rps = 2.0\n'
        "timeout_s = 5.0\nmix = { login = 1.0 }\n"
    )
    words = ("--of", incident_path("old-build"), "-d", "imap", "--file", "own.toml", *DAY)
    run = perfgate("demand", "admit", *words)
    assert run.code == 0, run.err
    assert run.out.startswith("WARN: imap, its entry in own.toml, from 2018-07-13 on")
    assert "imap                                0.0          2.0  /s" in run.out
    told = "400/s as it was measured, and 389/s with the mix of 2018-07-13 (login 10.8 %"
    assert told in " ".join(run.out.split())


def test_a_misspelt_operation_is_told(perfgate: Callable[..., Finished], project: Path) -> None:
    """An operation that the service does not have, but nearly, is named with its line."""
    (project / "own.toml").write_text(
        'format = "perfgate.demand/1"\n[[dependent]]\nname = "imap"\npeak_rps = 2.0\n'
        "timeout_s = 5.0\nmix = { logn = 0.5, fetch = 0.5 }\n"
    )
    words = ("--of", incident_path("old-build"), "-d", "imap", "--file", "own.toml", *DAY)
    run = perfgate("demand", "admit", *words)
    assert run.code == 3
    assert run.err == 'note: own.toml:6: auth has no operation "logn": did you mean "login"?\n'


def test_an_export_of_an_older_format(perfgate: Callable[..., Finished], project: Path) -> None:
    """What an older version exported is told from what was damaged, also as the build to ship."""
    text = incident_path("old-build").read_text().replace("capacity/2", "capacity/1")
    (project / "older.json").write_text(text)
    new = incident_path("old-build")
    for words in (("--of", "older.json"), ("--of", new, "--with", "older.json")):
        run = perfgate("demand", "admit", *words, "-d", "smtp-inbound", *TODAY)
        assert (run.code, run.out) == (4, "")
        assert "is of format perfgate.capacity/1, which this version does not read" in run.err
        assert "perfgate demand export" in run.err


@pytest.mark.parametrize("name", ["pyproject.toml", "baseline.json"])
def test_another_file_than_an_export(
    perfgate: Callable[..., Finished], project: Path, name: str
) -> None:
    """A file that is something else of the service's is told apart from a damaged export."""
    (project / name).write_text(record().to_text())
    run = perfgate("demand", "admit", "--of", name, "-d", "smtp-inbound", *TODAY)
    assert (run.code, run.out) == (2, "")
    assert f"{name} is not what `perfgate demand export` writes" in run.err
    assert "Name the directory" in run.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("-d", "smtp-inbund", "--scale", 2), 'did you mean "smtp-inbound"?'),
        (("-d", "smtp-inbound", "--scale", 2, "--add", 3), "three ways to say one thing"),
        (("-d", "smtp-inbound", "--scale", "2,1,3"), "must not descend"),
        (("-d", "smtp-inbound", "--scale", "much"), "is not a factor like 1.4"),
        (("-d", "smtp-inbound", "--add", -1), "is not a number above 0"),
        (("-d", "smtp-inbound", "--add", "nan"), "is not a number above 0"),
        (("-d", "smtp-inbound", "--add", "1e10"), "up to 1e+09"),
        (("-d", "smtp-inbound", "--scale", "inf"), "must lie between 0 and 100"),
        (("-d", "smtp-inbound", "--file", "gone.toml"), "there is no such file"),
        (("-d", "smtp-inbound", "--from", "2018-07-19"), "plans nothing for smtp-inbound"),
        (("--scale", 2), "Missing option '--dependent'"),
        (("-d", "smtp-inbound", "--scale", 2, "--ref", "main"), "has no --ref"),
        (("-d", "smtp-inbound", "--scale", 2, "--with", "gone.json"), "cannot be read"),
    ],
)
def test_wrong_questions(
    perfgate: Callable[..., Finished], words: tuple[object, ...], told: str
) -> None:
    """What cannot be asked exits with 2 and says what can."""
    run = perfgate("demand", "admit", "--of", incident_path("old-build"), *words)
    assert (run.code, run.out) == (2, "")
    assert told in " ".join(run.err.split())


def test_no_record(perfgate: Callable[..., Finished]) -> None:
    """Without a baseline nothing is said: exit code 4, and what its team has to do."""
    run = perfgate("demand", "admit", "--ref", ".", "-d", "mail", "--scale", 2)
    assert (run.code, run.out) == (4, "")
    assert "baselines/default: no baseline is stored" in run.err
    assert "perfgate baseline accept" in run.err


def test_an_export_is_all_that_others_need(
    perfgate: Callable[..., Finished], project: Path
) -> None:
    """Law: an export answers what the directory that it was made from answers."""
    write_record(record(), project / "baselines")
    run = perfgate("demand", "export", "--ref", ".", "--output", "auth.json")
    assert (run.code, run.out) == (0, "")
    assert "auth.json: capacity of auth 333333333333, with its ledger" in run.err
    question = ("-d", "mail", "--scale", "3", "--on", "2026-11-24")
    own = perfgate("demand", "admit", "--ref", ".", *question)
    (project / "perfgate.toml").unlink()
    assert perfgate("demand", "admit", "--of", "auth.json", *question) == own


def test_where_an_export_cannot_go(perfgate: Callable[..., Finished], project: Path) -> None:
    """A place that cannot be written to is refused."""
    write_record(record(), project / "baselines")
    run = perfgate("demand", "export", "--ref", ".", "--output", "nowhere/auth.json")
    assert run.code == 2
    assert "nowhere is not a directory" in run.err


def test_a_measurement_of_the_build_that_is_about_to_ship(
    perfgate: Callable[..., Finished], project: Path
) -> None:
    """A saved measurement and a stored baseline tell the other build's rate too."""
    measured = conditions(mix={"introspect": 0.6, "token": 0.4})
    write_record(record(conditions=measured), project / "baselines")
    (stored,) = (project / "baselines" / "default").iterdir()
    for file in (save(case(conditions=measured), project / "m.json"), stored):
        words = ("-d", "mail", "--scale", 2, "--with", file, "--on", "2026-11-24")
        run = perfgate("demand", "admit", "--ref", ".", *words)
        assert run.code == 0, run.err
        assert "Either may ship first" in run.out


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"service": "billing"}, "is of the service 'billing', not of 'auth'"),
        ({"environment": environment(cpu_model="AMD")}, "another kind of machine"),
    ],
)
def test_a_build_that_cannot_be_compared(
    perfgate: Callable[..., Finished], project: Path, changes: dict[str, object], told: str
) -> None:
    """A rate of another service or machine is not held against the record's."""
    write_record(record(), project / "baselines")
    (project / "other.json").write_text(record(**changes).to_text())
    words = ("-d", "mail", "--scale", 2, "--with", "other.json")
    run = perfgate("demand", "admit", "--ref", ".", *words)
    assert (run.code, run.out) == (2, "")
    assert told in run.err


def test_a_measurement_that_tells_no_rate(perfgate: Callable[..., Finished], project: Path) -> None:
    """Where production's rate is declared, a build that was measured alone says nothing of it."""
    config = project / "perfgate.toml"
    config.write_text(f"{config.read_text()}\n[production]\nservice_rate_rps = 300.0\n")
    write_record(record(), project / "baselines")
    words = ("-d", "mail", "--scale", 2, "--with", save(case(base=None), project / "m.json"))
    run = perfgate("demand", "admit", "--ref", ".", *words)
    assert run.code == 2
    assert "tells no service rate" in run.err
    assert "perfgate measure --base REF" in run.err


def test_names_cannot_paint_the_terminal(perfgate: Callable[..., Finished]) -> None:
    """The words of the change are escaped."""
    run = ask(perfgate, "old-build", *TODAY, "--what", "\x1b[2J")
    assert "\\x1b[2J" in run.out
    assert "\x1b" not in run.out


def test_it_imports_little(project: Path) -> None:
    """An answer waits for no import that takes long: it comes in well under a second."""
    words = ("demand", "admit", "--of", incident_path("old-build"), "-d", "smtp-inbound", *TODAY)
    run = run_process([sys.executable, "-c", TELL_IMPORTS, *map(str, words)], project)
    assert run.code == 0, run.err
    assert not {"pandas", "scipy", "git", "locust", "gevent", "rich"} & set(run.err.split())


def test_a_clone_is_enough(project: Path) -> None:
    """The command runs as a process in a directory that has nothing of the service."""
    words = ["demand", "admit", "--of", str(incident_path("slow-build")), "-d", "smtp-inbound"]
    run = run_process([PERFGATE, *words, *map(str, PLANNED)], project.parent)
    assert run.code == 1


def test_the_page_shows_the_answer(perfgate: Callable[..., Finished]) -> None:
    """What docs/admission.md shows of the incident is what perfgate says."""
    answer, second, _ = ask(perfgate, "slow-build", *PLANNED).out.partition(
        "  FAIL          chance"
    )
    page = FOLDER.parent.parent / "docs" / "admission.md"
    assert second
    assert answer in page.read_text()
