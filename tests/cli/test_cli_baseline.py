"""``perfgate baseline``: what may become the bar, and how the bar is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from builders import (
    Build,
    case,
    config,
    environment,
    incident,
    measurement,
    record,
    search,
    sessions,
    terms,
)

from cli.command_line import save
from perfgate.baseline.hashes import config_hash, ledger_hash
from perfgate.baseline.record import parse_record
from perfgate.baseline.store import write_record
from perfgate.measurement.models import BuildId
from perfgate.verdict.case import Case

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli.command_line import Finished
    from perfgate.baseline.record import BaselineRecord

ALONE = case(base=None)
COMMIT = ALONE.measurement.candidate.commit or ""
FAILED = case(base=None, incidents=(incident("candidate"),))
INVALID = case(incidents=(incident("base"),))
FOREIGN = case(held_to=terms(config=config(service="billing")))
DIRTY = measurement().candidate.model_copy(update={"dirty": True})
UNCOMMITTED = Case(measurement=measurement(candidate=DIRTY), terms=terms())


def on_day(day: int, **changes: object) -> Case:
    """Return a case of a day's own commit, measured beside that of the day before."""
    made = measurement(
        candidate=BuildId(name="candidate", commit=f"{day:040}"),
        base=BuildId(name="base", commit=f"{day - 1:040}"),
        taken_at=f"2026-11-{day:02}T10:00:00+00:00",
        **changes,
    )
    return Case(measurement=made, terms=terms())


def stored(project: Path) -> list[BaselineRecord]:
    """Return the records in the store."""
    files = sorted((project / "baselines").rglob("*"))
    return [parse_record(path.read_text(), str(path)) for path in files if path.is_file()]


def test_a_first_baseline(perfgate: Callable[..., Finished], project: Path) -> None:
    """A build measured alone becomes the baseline of its profile, and says what comes next."""
    run = perfgate("baseline", "accept", save(ALONE, project / "m.json"))
    assert (run.code, run.out) == (0, "")
    assert f"baseline is now {COMMIT[:12]}; commit the file" in run.err
    (record,) = stored(project)
    assert (record.commit, record.service, record.profile) == (COMMIT, "auth", "default")
    assert (record.verdict, record.accepted_because) == ("INCONCLUSIVE", "")
    assert [path.parent.name for path in project.rglob("*xeon*")] == ["default"]


@pytest.mark.parametrize(("late", "known"), [((0, 4, 40), True), ((0, 0, 0), False)])
def test_mu_slo_becomes_part_of_the_record(
    perfgate: Callable[..., Finished], project: Path, late: tuple[int, ...], known: bool
) -> None:
    """Law: where a rate within the promises was found it is stored, else null."""
    own = terms(config=config(slo={"introspect": {"p95_ms": 100.0}}))
    made = search(*zip((300.0, 390.0, 400.0), late, strict=True))
    searched = case(base=None, held_to=own, search=made)
    assert perfgate("baseline", "accept", save(searched, project / "m.json")).code == 0
    (record,) = stored(project)
    assert (record.mu_slo_rps is not None) == known
    if record.mu_slo_rps is not None:
        promised = record.mu_slo_rps
        assert (promised.runs, promised.first_missed) == (3, "introspect p95")
        assert 200 < promised.lower < promised.estimate < promised.upper
    assert ("every promise kept up to" in perfgate("baseline", "show").out) == known


def test_the_record_that_is_replaced_becomes_the_past(
    perfgate: Callable[..., Finished], project: Path
) -> None:
    """Law: each acceptance keeps what it replaces, oldest first; the same file twice adds none."""
    for day in (1, 2, 3, 3):
        assert perfgate("baseline", "accept", save(on_day(day), project / "m")).code == 0
    (record,) = stored(project)
    days = [past.measured_at[:10] for past in (*record.history, record.as_past())]
    assert days == ["2026-11-01", "2026-11-02", "2026-11-03"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"<<<<<<< HEAD\n", "hint: Take one side whole"),
        (b'{"format": "perfgate.baseline/3", "commit": "11', "hint: Restore it from git"),
        (b"\xff", "hint: Restore it from git"),
        (b'{"format": "perfgate.baseline/9"}', "upgrade to that"),
        (b'{"format": "pyperf/1"}', "hint: Restore it from git"),
    ],
    ids=["conflict", "truncated", "not text", "future", "foreign"],
)
def test_a_damaged_record_is_not_overwritten(
    perfgate: Callable[..., Finished], project: Path, content: bytes, told: str
) -> None:
    """Law: where the record to be replaced cannot be read, it stays, and the way out is told."""
    file = save(ALONE, project / "m.json")
    perfgate("baseline", "accept", file)
    (path,) = (project / "baselines" / "default").iterdir()
    path.write_bytes(content)
    run = perfgate("baseline", "accept", file)
    assert (run.code, path.read_bytes()) == (4, content)
    assert str(path) in run.err
    assert told in run.err


def test_a_record_of_another_service_is_not_overwritten(
    perfgate: Callable[..., Finished], project: Path
) -> None:
    """Law: two services that share a directory do not take each other's place."""
    perfgate("baseline", "accept", save(ALONE, project / "m.json"))
    (record,) = stored(project)
    foreign = record.model_copy(update={"service": "billing"}).sealed()
    (path,) = (project / "baselines" / "default").iterdir()
    path.write_text(foreign.to_text())
    run = perfgate("baseline", "accept", project / "m.json")
    assert (run.code, stored(project)) == (4, [foreign])
    assert "is a baseline of 'billing', not of 'auth'" in run.err


def test_what_was_not_measured_beside_the_bar_needs_a_reason(
    perfgate: Callable[..., Finished], project: Path
) -> None:
    """Law: drift cannot be lost by accepting what was measured alone, or beside another build."""
    perfgate("baseline", "accept", save(on_day(1), project / "m.json"))
    before = stored(project)
    for other, beside in ((on_day(3), f"beside {'2':0>12}"[:18]), (alone_on_day(3), "alone")):
        run = perfgate("baseline", "accept", save(other, project / "m.json"))
        assert (run.code, stored(project)) == (4, before)
        assert f"was measured {beside}" in run.err
        assert "perfgate check --output DIR" in run.err
    words = ("--allow-regression", "--reason", "the old build needs a dead mirror")
    assert perfgate("baseline", "accept", project / "m.json", *words).code == 0
    (record,) = stored(project)
    assert record.anchor is not None
    assert (record.anchor.commit, record.anchor.steps) == (record.commit, 0)
    assert record.anchor.concessions[0].because == "the old build needs a dead mirror"
    assert record.anchor.concessions[0].found.endswith("is not known")


def beside(day: int, before: int, slowdown: float, **held_to: object) -> Case:
    """Return a case of a day's commit beside that of another day, slower by so much (log)."""
    slower = sessions(4, Build(cost=slowdown, capacity=slowdown))
    base = BuildId(name="base", commit=f"{before:040}")
    own = on_day(day, sessions=slower).measurement.model_copy(update={"base": base})
    return Case(measurement=own, terms=terms(**held_to))


def test_a_wider_margin_of_a_check_moves_no_bar(
    perfgate: Callable[..., Finished], project: Path
) -> None:
    """Law: what becomes the bar is held to the margins that are configured, not to a check's."""
    wide = config(margins={"slowdown": 0.15, "tolerance": 0.05})
    run = perfgate("baseline", "accept", save(beside(2, 1, 0.09, config=wide), project / "m.json"))
    assert (run.code, stored(project)) == (4, [])
    assert "the measurement failed: " in run.err
    run = perfgate("baseline", "accept", save(beside(2, 1, 0.01, config=wide), project / "m.json"))
    assert run.code == 0


def test_beside_the_anchor_it_is_held_to_todays_bar(
    perfgate: Callable[..., Finished], project: Path
) -> None:
    """Law: what was won since the anchor is not lost by a measurement that goes back to that."""
    for case_ in (on_day(1), beside(2, 1, -0.2)):
        assert perfgate("baseline", "accept", save(case_, project / "m.json")).code == 0
    before = stored(project)
    run = perfgate("baseline", "accept", save(beside(3, 1, -0.02), project / "m.json"))
    assert (run.code, stored(project)) == (4, before)
    assert "it is slower than the baseline: CPU time per request rose 19.7 %" in run.err
    assert '--allow-regression --reason "..."' in run.err
    assert perfgate("baseline", "accept", save(beside(3, 1, -0.2), project / "m.json")).code == 0
    (record,) = stored(project)
    assert record.anchor is not None
    assert (record.anchor.commit, record.anchor.steps) == (f"{1:040}", 1)


def test_another_machines_baseline_is_no_bar_here(
    perfgate: Callable[..., Finished], project: Path
) -> None:
    """Law: where there is a baseline of this machine, drift is counted from that one alone."""
    perfgate("baseline", "accept", save(on_day(1), project / "m.json"))
    there = environment().model_copy(update={"cpu_model": "Another CPU"})
    write_record(record(commit=f"{7:040}", environment=there), project / "baselines")
    run = perfgate("baseline", "accept", save(beside(8, 7, 0.0), project / "m.json"))
    assert run.code == 4
    assert "drift would lose count: " in run.err


def alone_on_day(day: int) -> Case:
    """Return a case of a day's own commit, measured alone."""
    own = on_day(day)
    measured = own.measurement.model_copy(update={"base": None, "sessions": ALONE.measurement.runs})
    return own.model_copy(update={"measurement": measured})


def test_a_record_tells_what_it_was_made_from(
    perfgate: Callable[..., Finished], project: Path
) -> None:
    """Digests, hashes, tools, seed and who accepted it stand in the record."""
    own = on_day(2, tools={"locust": "2.37.0"}, seed=7)
    perfgate("baseline", "accept", save(own, project / "m.json"))
    (record,) = stored(project)
    assert record.provenance is not None
    assert record.provenance.config_hash == config_hash(own.terms.config)
    assert record.provenance.ledger_hash == ledger_hash(own.terms.ledger)
    assert (record.provenance.tools, record.provenance.seed) == ({"locust": "2.37.0"}, 7)
    assert record.provenance.accepted_by
    assert record.step is not None
    assert (record.step.against, record.step.sessions) == (f"{1:040}", 4)


def test_show(perfgate: Callable[..., Finished], project: Path) -> None:
    """The bar is shown with its commit, its service rate and the machine."""
    perfgate("baseline", "accept", save(ALONE, project / "m.json"))
    run = perfgate("baseline", "show")
    assert (run.code, run.err) == (0, "")
    assert run.out.splitlines()[:2] == [
        f"auth, profile default: {COMMIT[:12]}, measured 2026-11-24T10:00:00+00:00 (INCONCLUSIVE)",
        "  2 x Intel(R) Xeon(R) @ 2.20GHz (kvm)",
    ]
    assert "service rate 400/s" in run.out


def test_show_without_a_store(perfgate: Callable[..., Finished], project: Path) -> None:
    """Without a baseline, the way to the first one is shown."""
    run = perfgate("baseline", "show")
    assert (run.code, run.out) == (4, "")
    assert f"{project / 'baselines'}: no baseline is stored" in run.err
    assert "perfgate measure --output ../first.json" in run.err


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"\xff", "is not text"), (b"{}", "Field required"), (b"{", "Invalid JSON")],
)
def test_show_a_damaged_store(
    perfgate: Callable[..., Finished], project: Path, content: bytes, told: str
) -> None:
    """A damaged baseline is an error that names the file, never skipped."""
    perfgate("baseline", "accept", save(ALONE, project / "m.json"))
    (path,) = (project / "baselines" / "default").iterdir()
    path.write_bytes(content)
    run = perfgate("baseline", "show")
    assert (run.code, run.out) == (4, "")
    assert str(path) in run.err
    assert told in run.err


def test_a_failure_needs_a_reason(perfgate: Callable[..., Finished], project: Path) -> None:
    """A build that failed is refused, saying why it failed and how to accept it on purpose."""
    file = save(FAILED, project / "m.json")
    run = perfgate("baseline", "accept", file)
    assert run.code == 4
    assert "exited with code 7" in run.err
    assert '--allow-regression --reason "..."' in run.err
    assert stored(project) == []


def test_an_accepted_failure_is_remembered(
    perfgate: Callable[..., Finished], project: Path
) -> None:
    """Accepted with a reason, it is stored with the verdict and the reason, which are shown."""
    file = save(FAILED, project / "m.json")
    words = ("--allow-regression", "--reason", " the fix costs this \x1b[2J")
    assert perfgate("baseline", "accept", file, *words).code == 0
    (record,) = stored(project)
    assert (record.verdict, record.accepted_because) == ("FAIL", "the fix costs this \x1b[2J")
    assert record.anchor is not None
    (conceded,) = record.anchor.concessions
    assert (conceded.commit, conceded.because) == (record.commit, record.accepted_because)
    assert "exited with code 7" in conceded.found
    shown = perfgate("baseline", "show").out
    assert f"{COMMIT[:12]} was accepted all the same by {conceded.by} on " in shown
    assert ': "the fix costs this \\x1b[2J" (' in shown


def test_no_failure_no_excuse(perfgate: Callable[..., Finished], project: Path) -> None:
    """A reason given for a build that did not fail is not held against it ever after."""
    file = save(ALONE, project / "m.json")
    perfgate("baseline", "accept", file, "--allow-regression", "--reason", "in case")
    assert [record.accepted_because for record in stored(project)] == [""]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--allow-regression"], "--allow-regression needs a --reason"),
        (["--allow-regression", "--reason", "  "], "--allow-regression needs a --reason"),
        (["--reason", "because"], "Add --allow-regression"),
    ],
)
def test_reason_and_regression_go_together(
    perfgate: Callable[..., Finished], project: Path, words: list[str], told: str
) -> None:
    """Neither a regression without a reason nor a reason without a regression is accepted."""
    run = perfgate("baseline", "accept", save(ALONE, project / "m.json"), *words)
    assert run.code == 2
    assert told in run.err
    assert stored(project) == []


@pytest.mark.parametrize(
    ("refused", "code", "told"),
    [
        (INVALID, 4, "the measurement is invalid"),
        (UNCOMMITTED, 4, "is no commit"),
        (FOREIGN, 2, "measured the service 'billing'"),
    ],
)
def test_what_cannot_be_the_bar(
    perfgate: Callable[..., Finished], project: Path, refused: Case, code: int, told: str
) -> None:
    """Invalid, uncommitted or foreign measurements are refused, whatever reason is given."""
    file = save(refused, project / "m.json")
    run = perfgate("baseline", "accept", file, "--allow-regression", "--reason", "please")
    assert run.code == code
    assert told in run.err
    assert stored(project) == []


def test_another_file_than_a_measurement(perfgate: Callable[..., Finished], project: Path) -> None:
    """Only a saved measurement can be accepted."""
    run = perfgate("baseline", "accept", project / "perfgate.toml")
    assert run.code == 2
    assert "not a measurement" in run.err
