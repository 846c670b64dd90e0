"""A record is what later checks are held against: small, sealed and exact."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from builders import (
    SPEED,
    Build,
    concession,
    conditions,
    demand_run,
    discarded,
    environment,
    figures,
    measurement,
    provenance,
    record,
    session,
    sessions,
    windows,
)
from hypothesis import given
from hypothesis import strategies as st

from perfgate.analysis.work import work_of
from perfgate.baseline.making import record_of
from perfgate.baseline.record import (
    HISTORY_LENGTH,
    NEW_IN_2,
    NEW_IN_3,
    BaselineRecord,
    OperationOfRecord,
    PromisedRate,
    RateOfRecord,
    parse_record,
    work_of_record,
)
from perfgate.demand.mix import MixedRate
from perfgate.demand.risk import UncertainRate
from perfgate.errors import StoreError
from perfgate.exitcodes import ExitCode
from perfgate.measurement.models import BuildId

RATE = UncertainRate(400.0, 390.0, 410.0)
PATH = "baselines/default/x.json"
PROMISED = PromisedRate(
    estimate=350.0, lower=340.0, upper=360.0, runs=7, first_missed="introspect p95"
)
STORED = Path(__file__).parents[2] / "baselines"
# Written by the versions that knew no later format.
OLDER = sorted((Path(__file__).parent / "records").iterdir())


def made(
    mu_slo: PromisedRate | None = None, mu_over_rps: float | None = None, **changes: object
) -> BaselineRecord:
    """Return the record of a measurement, and of what only those know who judge."""
    return record_of(
        measurement(**changes),
        service="auth",
        verdict="PASS",
        provenance=provenance(),
        mu_slo=mu_slo,
        mu_over_rps=mu_over_rps,
    )


def test_a_record_says_what_was_measured() -> None:
    """Rate, cost, memory, latencies and provenance are those of the candidate's runs."""
    own = made()
    assert (own.service, own.profile, own.commit) == ("auth", "default", "1" * 40)
    assert (own.measured_at, own.verdict) == ("2026-11-24T10:00:00+00:00", "PASS")
    assert own.service_rate_rps.estimate == pytest.approx(400, rel=1e-3)
    assert own.service_rate_rps.lower < 400 < own.service_rate_rps.upper
    assert own.service_rate_rps.runs == 5
    assert own.cost_ms == pytest.approx(2.0, rel=1e-3)
    assert own.peak_rss_mib == 100.0
    assert own.operations["introspect"].answers == 720
    assert own.operations["introspect"].p50_ms == pytest.approx(5.2, rel=0.01)
    assert own.session_sd["cost"] == pytest.approx(0.002 * math.sqrt(4 / 3), rel=1e-3)
    assert own.is_intact


def test_memory_is_the_highest_of_all_runs() -> None:
    """The peak of record is that of the hungriest run."""
    run = demand_run()
    own = run.run.builds["candidate"].model_copy(update={"peak_rss_bytes": 300 * 2**20})
    hungry = run.model_copy(
        update={"run": run.run.model_copy(update={"builds": {"candidate": own}})}
    )
    assert made(demand_run=hungry).peak_rss_mib == 300.0


def test_a_candidate_alone_can_be_a_baseline() -> None:
    """The first baseline has no base beside it: no spread of slowdowns, but all the rest."""
    own = made(base=None, sessions=sessions(4, base=None))
    assert own.session_sd == {}
    assert own.service_rate_rps.runs == 5


@given(st.floats(0, 0.3))
def test_conditions_differ_where_the_rate_may(moved: float) -> None:
    """Law: a mix is another one where a share moves by more than a twentieth, either way round."""
    own, other = conditions(), conditions(mix={"introspect": 0.9 - moved, "login": 0.1 + moved})
    differ = moved > 0.05 * (0.1 + moved)
    assert bool(own.differ(other)) == bool(other.differ(own)) == differ


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, ""),
        ({"profile_hash": "c" * 16}, "another cut of its profile"),
        ({"locustfile_hash": "c" * 16}, "another Locust file"),
        ({"mix": {"introspect": 1.0}}, "another mix of operations (introspect 90.00% then, "),
    ],
)
def test_what_differs_is_told(changes: dict[str, Any], told: str) -> None:
    """Law: a record says what is no longer as it was, and nothing where it does not know."""
    now = conditions(**changes)
    assert made().differs_under(now, environment()).startswith(told)
    assert bool(made().differs_under(now, environment())) == bool(told)
    assert made(conditions=None).differs_under(now, environment()) == ""


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"kernel": "6.1.7-cloud", "python": "3.11.2"}, ""),
        ({"kernel": "6.8.0-31-generic"}, "another kernel (6.1.0 then, 6.8.0-31-generic now)"),
        ({"python": "3.12.0"}, "another Python (3.11.9 then, 3.12.0 now)"),
    ],
)
def test_another_series_of_kernel_or_python_is_told(changes: dict[str, Any], told: str) -> None:
    """Law: figures of one class of machines are alike under one series of kernel and Python."""
    assert made().differs_under(conditions(), environment(**changes)) == told


def test_a_session_alone_has_no_spread() -> None:
    """One session's slowdowns have no standard deviation."""
    assert made(sessions=sessions(1)).session_sd == {}


def test_without_a_run_at_the_required_rate_there_are_no_latencies() -> None:
    """Latencies of record are those at the required rate; sessions' are not put in their place."""
    assert made(demand_run=None).operations == {}


def test_an_operation_never_answered_has_no_latency() -> None:
    """An operation without answers is in the record, without figures."""
    own = made(demand_run=demand_run(Build(missing={"login": 30})))
    assert own.operations["login"] == OperationOfRecord(
        answers=0, p50_ms=None, p95_ms=None, p99_ms=None
    )


@pytest.mark.parametrize(
    "candidate",
    [
        BuildId(name="working tree"),
        BuildId(name="working tree", commit="1" * 40, dirty=True),
    ],
)
def test_what_is_no_commit_is_no_baseline(candidate: BuildId) -> None:
    """A build that cannot be built again cannot be the bar."""
    with pytest.raises(StoreError, match=r"working tree\) is no commit") as caught:
        made(candidate=candidate)
    assert caught.value.exit_code is ExitCode.NO_BASELINE
    assert "Commit the changes" in caught.value.hint


def test_too_few_runs_are_no_baseline() -> None:
    """A rate without an interval, or a run without answers, cannot be the bar: counted."""
    own = session().builds["candidate"].model_copy(update={"saturation": windows(2, 1.0, 0.9, 0)})
    silent = session().model_copy(update={"builds": {**session().builds, "candidate": own}})
    with pytest.raises(StoreError, match="1 of 1 runs have a service rate"):
        made(sessions=())
    with pytest.raises(StoreError, match="0 of 0 runs"):
        made(sessions=(), demand_run=None, discarded=discarded(3))
    with pytest.raises(StoreError, match="5 of 6 runs have a service rate; all must"):
        made(sessions=(*sessions(4), silent))


def test_why_a_worse_build_was_accepted_is_kept() -> None:
    """Who accepted it on purpose, why, and how much it lost, is part of the record."""
    own = made().conceding(concession())
    assert own.accepted_because == "audit"
    assert own.anchor is not None
    assert own.anchor.concessions == (concession(),)
    assert parse_record(own.to_text(), PATH) == own


def test_a_record_reads_back_exactly() -> None:
    """What was written is read back as the same value and the same text."""
    own = made()
    again = parse_record(own.to_text(), PATH)
    assert again == own
    assert again.to_text() == own.to_text()


@given(
    rates=st.lists(st.floats(1e-9, 1e12), min_size=3, max_size=3).map(sorted),
    why=st.text(st.characters(exclude_categories=["Cs"])),
    quantile=st.none() | st.floats(1e-6, 1e9),
)
def test_any_record_reads_back_exactly(
    rates: list[float], why: str, quantile: float | None
) -> None:
    """Whatever figures and words a record has, it reads back intact."""
    lower, estimate, upper = rates
    own = record(
        service_rate_rps=RateOfRecord(estimate=estimate, lower=lower, upper=upper, runs=2),
        accepted_because=why,
        operations={
            why: OperationOfRecord(answers=1, p50_ms=quantile, p95_ms=quantile, p99_ms=None)
        },
    )
    assert parse_record(own.to_text(), PATH) == own


@pytest.mark.parametrize("path", OLDER, ids=lambda path: path.stem)
def test_older_formats_are_read_as_they_are(path: Path) -> None:
    """Law: what older versions wrote is intact, and is written with nothing added."""
    old = parse_record(path.read_text(), str(path))
    assert old.to_text() == path.read_text()
    assert (old.provenance, old.step, old.anchor) == (None, None, None)
    assert path.stem.startswith(old.format.partition("/")[2].join(("format-", "")))


@pytest.mark.parametrize("path", OLDER, ids=lambda path: path.stem)
def test_the_build_of_an_older_format_becomes_the_anchor(path: Path) -> None:
    """Law: drift is counted from the record before the first one that knows of anchors."""
    old = parse_record(path.read_text(), str(path))
    later = made(base=BuildId(name="base", commit=old.commit), taken_at="2026-11-25T10:00:00Z")
    own = later.replacing(old).drifting_from(old)
    assert own.anchor is not None
    assert (own.anchor.commit, own.anchor.steps) == (old.commit, 1)
    assert own.history[-1] == old.as_past()


def test_the_stored_baselines_are_intact() -> None:
    """The project's own records are read, and are as they were written."""
    paths = sorted(STORED.glob("*/*.json"))
    assert paths
    for path in paths:
        assert parse_record(path.read_text(), str(path)).to_text() == path.read_text()


def test_the_format_is_as_it_was() -> None:
    """A record is written as the golden has it: another text would be another format."""
    bar = BuildId(name="base", commit="3" * 40)
    worse = Build(busy=1.0, cost=0.02, capacity=0.01)
    own = made(PROMISED, base=bar, sessions=sessions(4, worse))
    text = own.replacing(record()).drifting_from(record()).conceding(concession()).to_text()
    assert text == (Path(__file__).parent / "goldens" / "format-3.json").read_text()


def test_nothing_is_slipped_into_an_older_format() -> None:
    """Law: what an older format does not know cannot be in it, for its checksum would not tell."""
    text = (OLDER[0].parent / "format-2-first.json").read_text()
    for added, told in (
        ('{"mu_slo_rps": null,', "does not match its checksum"),
        (f'{{"anchor": {made().anchor!s},', "this version can read"),
        (f'{{"anchor": {json.dumps(_dumped(made()))},', "perfgate.baseline/2 has no provenance"),
    ):
        with pytest.raises(StoreError, match=told):
            parse_record(text.replace("{", added, 1), PATH)


def _dumped(own: BaselineRecord) -> dict[str, Any]:
    assert own.anchor is not None
    return own.anchor.model_dump(mode="json")


@pytest.mark.parametrize("promised", [None, PROMISED])
def test_mu_slo_is_stored_or_null(promised: PromisedRate | None) -> None:
    """Law: a record says which rate keeps every promise, or that it was not found; sealed."""
    own = made(mu_slo=promised)
    stored = json.loads(own.to_text())["mu_slo_rps"]
    assert stored == (None if promised is None else promised.model_dump())
    assert parse_record(own.to_text(), PATH) == own
    assert not own.model_copy(update={"mu_slo_rps": _other(promised)}).is_intact
    assert own.replacing(record(commit="0" * 40)).mu_slo_rps == promised


def _other(promised: PromisedRate | None) -> PromisedRate | None:
    return PROMISED if promised is None else None


def test_a_record_from_before_weights_weighs_nothing() -> None:
    """Law: what was written of format 2 before operations were weighed says that it has none."""
    bare = record()
    served = MixedRate(RATE, work_of_record(bare.conditions, bare.weights)).at({"login": 1.0})
    assert served.why == "single operations were not measured"


def test_what_operations_weigh_is_kept() -> None:
    """Law: the record's weights recompute what those of the measurement do."""
    own = made(sessions=sessions(4, Build(busy=1.0)))
    assert own.weights is not None
    mix = {"introspect": 0.85, "login": 0.15}
    kept = work_of_record(own.conditions, own.weights).factor(mix)
    measured = measurement(sessions=sessions(4, Build(busy=1.0)))
    fresh = work_of(measured.runs, "candidate", conditions().mix).factor(mix)
    assert kept == pytest.approx(fresh, rel=1e-3)
    assert kept.low < kept.likely < 1


def test_without_conditions_nothing_is_weighed() -> None:
    """Weights are in requests of a mix: where that is not known there are none."""
    assert made(conditions=None).weights is None
    assert work_of_record(None, None).untellable({"login": 1.0}) == ""


def test_what_is_new_is_measured() -> None:
    """The undisturbed rate and the machine's speed are those of the candidate's runs."""
    own = made()
    assert own.undisturbed_rps is not None
    assert own.undisturbed_rps.estimate == pytest.approx(400, rel=1e-3)
    assert (own.undisturbed_rps.runs, own.yardstick_per_s) == (5, SPEED)


def test_what_others_took_is_not_in_the_undisturbed_rate() -> None:
    """Law: where half of the time went to others, the service rate halves and this one does not."""
    halved = figures().saturation.model_copy(
        update={"wall_s": (2.0, 2.0), "wait_s": (0.6, 0.6), "generator_wait_s": (0.4, 0.4)}
    )
    busy = session(base=None)
    own = busy.builds["candidate"].model_copy(update={"saturation": halved})
    runs = (busy.model_copy(update={"builds": {"candidate": own}}),) * 4
    disturbed = made(sessions=runs, base=None, demand_run=None)
    assert disturbed.service_rate_rps.estimate == pytest.approx(200)
    assert disturbed.undisturbed_rps is not None
    assert disturbed.undisturbed_rps.estimate == pytest.approx(400)


@given(count=st.integers(0, 30))
def test_a_record_keeps_those_before_it(count: int) -> None:
    """Law: each record replaced becomes the end of the history, which keeps the last 20."""
    newest = record(commit="0" * 40)
    for number in range(1, count + 1):
        newest = record(commit=f"{number:040}", cost_ms=float(number)).replacing(newest)
    assert newest.is_intact
    kept = [int(past.commit) for past in newest.history]
    assert kept == list(range(count))[-HISTORY_LENGTH:]
    assert parse_record(newest.to_text(), PATH) == newest
    assert len(newest.to_text().encode()) < 64 * 1024


def test_the_same_measurement_again_is_no_past() -> None:
    """Law: accepting a file twice leaves the history as it was."""
    first = record(commit="0" * 40)
    second = record().replacing(first)
    assert second.replacing(second) == second


def test_the_text_is_made_for_diffs() -> None:
    """Keys are sorted, one figure stands on a line, and figures have five digits at most."""
    text = made(sessions=sessions(4, Build(saturated=0.123456789))).to_text()
    keys = list(json.loads(text))
    assert keys == sorted(keys)
    assert text.endswith("}\n")
    for line in text.splitlines():
        value = line.partition(": ")[2].rstrip(",")
        if value.replace(".", "").isdigit() and "." in value:
            assert len(value.replace(".", "").strip("0")) <= 5, line


def test_a_large_service_stays_small() -> None:
    """A record of a hundred operations stays well under 64 KiB."""
    trial = demand_run().trials[0]
    many = {f"operation number {n}": trial.operations["introspect"] for n in range(100)}
    trials = (trial.model_copy(update={"operations": many}),) * 3
    run = demand_run().model_copy(update={"trials": trials})
    assert len(made(demand_run=run).to_text().encode()) < 64 * 1024


def test_the_seal_covers_everything_else() -> None:
    """Sealing twice changes nothing, and any other change breaks the seal."""
    own = record()
    assert own.sealed() == own
    for name in ("service", "profile", "commit", "measured_at", "verdict", "accepted_because"):
        assert not own.model_copy(update={name: "other"}).is_intact
    full = made(mu_slo=PROMISED, mu_over_rps=333.0).replacing(own)
    for name in (*NEW_IN_2, *NEW_IN_3):
        assert not full.model_copy(update={name: None}).is_intact
    assert not made().model_copy(update={"weights": None}).is_intact
    assert not own.model_copy(update={"cost_ms": 2.0001}).is_intact


@pytest.mark.parametrize("figure", ["400.0", "408.0", "100.0", '"PASS"', "333333"])
def test_an_edited_record_is_refused(figure: str) -> None:
    """A record changed by hand does not match its checksum, and the message says so."""
    text = record().to_text()
    assert figure in text
    with pytest.raises(StoreError, match="does not match its checksum") as caught:
        parse_record(text.replace(figure, '"FAIL"' if '"' in figure else "777777", 1), PATH)
    assert PATH in caught.value.message
    assert "perfgate baseline accept" in caught.value.hint


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"format": "perfgate.baselines/3"}, "format"),
        ({"format": "perfgate.baseline/1"}, "the file"),
        ({"provenance": None}, "the file"),
        ({"surprise": 1}, "surprise"),
        ({"cost_ms": "cheap"}, "cost_ms"),
        ({"service_rate_rps": {}}, "service_rate_rps.estimate"),
    ],
)
def test_what_this_version_cannot_read_is_refused(change: dict[str, object], where: str) -> None:
    """Another format, an unknown field, a missing or wrong value: refused, saying where."""
    document = json.loads(record().to_text()) | change
    with pytest.raises(StoreError, match=f"this version can read: {where}: ") as caught:
        parse_record(json.dumps(document), PATH)
    assert caught.value.message.startswith(PATH)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\x00", '{"format": NaN}'])
def test_what_is_no_record_is_refused(text: str) -> None:
    """Text that is no JSON object is a StoreError with a hint, not a bug."""
    with pytest.raises(StoreError, match="is not a baseline this version can read") as caught:
        parse_record(text, PATH)
    assert "Restore it from git" in caught.value.hint


def test_a_later_format_is_told() -> None:
    """A record of a later version says so, and what to do; nothing is guessed."""
    text = record().to_text().replace("perfgate.baseline/3", "perfgate.baseline/12")
    with pytest.raises(StoreError, match=r"none later than perfgate\.baseline/3") as caught:
        parse_record(text, PATH)
    assert "upgrade" in caught.value.hint


@pytest.mark.parametrize("number", ["2", "1e3", "\u00b2", "9" * 5000, "", "x"])
def test_what_is_no_later_format_is_not_told_so(number: str) -> None:
    """Only a plain number tells a later format."""
    document = json.loads(record().to_text()) | {"format": f"perfgate.baseline/{number}"}
    with pytest.raises(StoreError, match=r"this version can read|match its checksum"):
        parse_record(json.dumps(document), PATH)


def test_a_conflict_of_a_merge_is_told() -> None:
    """What git left in the middle of a merge is told as that."""
    ours, theirs = record().to_text(), record(cost_ms=3.0).to_text()
    text = f"<<<<<<< HEAD\n{ours}=======\n{theirs}>>>>>>> other\n"
    with pytest.raises(StoreError, match="has merge conflict markers") as caught:
        parse_record(text, PATH)
    assert "--ours" in caught.value.hint


@given(cut=st.floats(0, 1, exclude_max=True))
def test_a_truncated_record_is_refused(cut: float) -> None:
    """Law: no beginning of a record is a record."""
    text = record().to_text().rstrip()
    with pytest.raises(StoreError):
        parse_record(text[: int(cut * len(text))], PATH)
