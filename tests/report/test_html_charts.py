"""The pictures of the HTML page: that they show the figures which the verdict was made from."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from builders import Build, case, config, dependent, ledger, search, terms
from pages import DEPENDENTS, PAGES, PROMISED
from upsets import (
    DOWN,
    LIMIT_S,
    STEP_S,
    WELL,
    after,
    came_back,
    recovery,
    started_anew,
    stayed_down,
)

from perfgate.measurement.models import BuildId
from perfgate.report.figures import figures_of, picture_in
from perfgate.report.html.callers import outlook_of
from perfgate.report.html.course import measured_courses, simulated_courses
from perfgate.report.html.noise import rate_chart, sessions_of
from perfgate.report.html.outcome import measured_table
from perfgate.report.html.provenance import commands_of, facts_of
from perfgate.report.html.spread import spreads_of
from perfgate.report.html.svg import UNITS
from perfgate.report.html.trials import search_chart
from perfgate.verdict.case import capacity_of, steps_of
from perfgate.verdict.judge import judge

if TYPE_CHECKING:
    from perfgate.verdict.case import Case


TRIED = ("50 %", "25 %", "nobody retries")


def drawn(picture: str) -> ET.Element:
    """Return a picture as its elements."""
    return ET.fromstring(picture)  # noqa: S314 - made here


def words(picture: str) -> list[str]:
    """Return what is written in a picture."""
    return [own.text or "" for own in drawn(picture).iter("text")]


def of_kind(picture: str, tag: str, kind: str) -> list[ET.Element]:
    """Return the elements of a picture that are of a kind, among others or alone."""
    return [own for own in drawn(picture).iter(tag) if kind in (own.get("class") or "").split()]


def corners(path: ET.Element) -> list[tuple[int, int]]:
    """Return the corners of a path."""
    return [(int(x), int(y)) for x, y in re.findall(r"[ML](-?\d+) (-?\d+)", path.get("d") or "")]


def planned(made: Case | None = None) -> Case:
    """Return a case of many dependents with planned changes."""
    return made or case(held_to=terms(ledger=ledger(*DEPENDENTS)))


class TestDemand:
    """The service rate and the demand."""

    def test_layers_add_up_to_the_demand(self) -> None:
        """Law: after each change, what the layers have together is the demand."""
        layers = outlook_of(planned()).layers
        sums = [sum(column) for column in zip(*(own.rates_rps for own in layers), strict=True)]
        demands = [step.first_try_rps for step in steps_of(planned().terms)]
        assert sums == pytest.approx(demands)
        assert [layer.name for layer in layers] == [
            "4 others",
            *(f"frontend-of-region-{n}" for n in (3, 2, 1, 0)),
        ]

    def test_layers_are_stacked(self) -> None:
        """Law: each layer begins where the one below ends, and the first at nothing."""
        picture = outlook_of(planned()).chart.picture
        paths = [corners(path) for path in of_kind(picture, "path", "layer")]
        half = len(paths[0]) // 2
        assert [y for _, y in paths[0][half:]] == [UNITS] * half
        for below, over in pairwise(paths):
            assert over[half:] == below[:half][::-1]

    def test_changes_are_numbered_and_told(self) -> None:
        """Each day of changes has a line with its number, and a sentence."""
        own = outlook_of(planned())
        assert len(of_kind(own.chart.picture, "line", "change")) == 2
        assert own.changes == (
            "2026-12-15: delegate sign-in (frontend-of-region-0, frontend-of-region-1, "
            "frontend-of-region-2 and 5 more). The demand goes from 109/s to 589/s.",
            "2027-01-10: check every message (frontend-of-region-0, frontend-of-region-1, "
            "frontend-of-region-2 and 5 more). The demand goes from 589/s to 643/s.",
        )

    def test_levels_are_told_with_their_last_figures(self) -> None:
        """The service rate with its certain part, what is required, sent and retried."""
        rate = capacity_of(planned(), "candidate")
        assert rate is not None
        told = words(outlook_of(planned()).chart.picture)
        assert f"service rate {rate.estimate:.0f}/s, {rate.lower:.0f}/s certain" in told
        assert {"demand 643/s", "required 804/s (headroom 1.25)", "if all were retried 1929/s"} <= (
            set(told)
        )

    def test_who_never_retries_has_no_line_for_it(self) -> None:
        """Where no call is retried nothing is said of retries."""
        assert not of_kind(outlook_of(case()).chart.picture, "path", "retried")

    def test_without_a_service_rate_the_demand_is_drawn(self) -> None:
        """What is not known is left out of the picture, and a dash in its figures."""
        chart = outlook_of(PAGES["nothing"]).chart
        assert not of_kind(chart.picture, "text", "rate")
        assert "demand 100/s" in words(chart.picture)
        assert chart.table is not None
        assert chart.table.rows[0][1:] == ("-",)

    def test_a_mix_whose_rate_is_not_known_is_told(self) -> None:
        """Where the service rate with a later mix cannot be told, it is said from when and why."""
        other = dependent(
            "batch",
            1.0,
            mix={"audit": 1.0},
            change=[{"from": "2026-12-15", "what": "x", "add_rps": 90.0}],
        )
        own = outlook_of(case(held_to=terms(ledger=ledger(dependent(), other))))
        assert own.unknown.startswith("What the service rate is with the mix of 2026-")
        assert "audit was never measured" in own.unknown


class TestSessions:
    """Sessions beside what they are held to."""

    def test_what_is_worse_is_higher(self) -> None:
        """Law: the greater the slowdown of a session, the higher its point."""
        sessions = sessions_of(case(Build(cost=0.02), noise=0.01))
        assert sessions is not None
        dots = of_kind(sessions.charts[0].picture, "circle", "dot")
        changes = [math.expm1(0.02 + by) for by in (-0.01, 0.01, -0.01, 0.01)]
        told = [own.findtext("title") or "" for own in dots]
        assert told == [f"{n}: {100 * one:+.1f} %" for n, one in enumerate(changes, start=1)]
        heights = [float(own.get("cy") or "") for own in dots]
        assert heights[1] < heights[0]
        margin, tolerance = (
            float(of_kind(sessions.charts[0].picture, "line", kind)[0].get("y1") or "")
            for kind in ("margin", "tolerance")
        )
        assert heights[1] < margin < tolerance == pytest.approx(heights[0], abs=0.5)

    def test_the_limits_are_told(self) -> None:
        """What sessions are held to stands beside the pictures."""
        sessions = sessions_of(case())
        assert sessions is not None
        assert [level.words for level in sessions.levels] == [
            "the limit, +3.0 %",
            "what is tolerated, +1.0 %",
        ]

    def test_every_session_has_a_row(self) -> None:
        """The table has the changes of each session and what disturbed it."""
        sessions = sessions_of(case(count=5, noise=0.01))
        assert sessions is not None
        assert sessions.later
        assert [row[0] for row in sessions.table.rows] == list("12345")
        assert sessions.table.rows[0][1:] == ("-1.0 %", "-1.0 %", "-1.0 %", "1.5 ms", "-")

    def test_a_stored_baseline_that_decides_is_drawn(self) -> None:
        """Runs of the candidate stand beside the stored rate; nowhere else are they drawn."""
        chart = rate_chart(PAGES["stored"])
        assert chart is not None
        assert len(of_kind(chart.picture, "circle", "dot")) == 5
        assert "stored baseline 400/s" in words(chart.picture)
        assert rate_chart(PAGES["pass"]) is None


class TestSpread:
    """Times to answer."""

    def test_quantiles_are_those_of_the_figures(self) -> None:
        """Law: the quantiles beside a picture are those of the table."""
        made = PAGES["fail"]
        figures = figures_of(made)
        spreads = spreads_of(made, figures)
        assert spreads is not None
        assert [own.operation for own in spreads.operations] == ["introspect", "login"]
        (p95,) = (own for own in figures if own.name == "introspect p95")
        told = spreads.operations[0].quantiles[1]
        assert (told.name, told.base, told.candidate) == (
            "p95",
            f"{p95.base:.3g}",
            f"{p95.candidate:.3g}",
        )

    def test_the_slower_build_lies_further_right(self) -> None:
        """Law: a build that takes half as long again is drawn so much further along the axis."""
        slow = case(Build(latency=math.log(1.5)), noise=0.0)
        spreads = spreads_of(slow, figures_of(slow))
        assert spreads is not None
        picture = spreads.operations[0].picture
        begins = {
            role: int((of_kind(picture, "path", role)[0].get("d") or "M").split()[0][1:])
            for role in ("candidate", "base")
        }
        assert begins["base"] < begins["candidate"]

    def test_without_a_base_there_is_one_silhouette(self) -> None:
        """A candidate alone is drawn alone, and nothing at all where there were no answers."""
        alone = case(base=None)
        spreads = spreads_of(alone, figures_of(alone))
        assert spreads is not None
        assert not of_kind(spreads.operations[0].picture, "path", "base")
        assert spreads.operations[0].quantiles[0].base == ""
        assert spreads_of(PAGES["nothing"], []) is None


class TestCourse:
    """How builds came through."""

    def test_each_build_is_told_with_its_outcome(self) -> None:
        """Both builds are drawn on the same axis, each with what became of it."""
        courses = measured_courses(after(stayed_down(), came_back(7, build="base")))
        assert [own.name for own in courses] == [
            f"candidate: not served again within {LIMIT_S} s",
            "base: served again after 7 s",
        ]
        marks = [words(own.queue)[-5:-1] for own in courses]
        assert marks[0] == marks[1]

    def test_the_prediction_is_drawn(self) -> None:
        """What all who retry send and what is worked off stand beside the demand."""
        (own,) = measured_courses(after(came_back()))
        assert {"if all retry 50/s", "worked off 133/s", "demand 50/s"} <= set(words(own.calls))
        assert "a spike to 300/s for 5 s" in words(own.calls)

    def test_the_limit_is_marked_where_it_was_reached(self) -> None:
        """A build that came back in time has no mark of the limit."""
        down, back = measured_courses(after(stayed_down(), came_back(build="base")))
        assert len(of_kind(down.queue, "line", "limit")) == 1
        assert not of_kind(back.queue, "line", "limit")

    def test_a_long_course_keeps_the_page_small(self) -> None:
        """Law: however long it took, no more stretches are drawn, and they end where it did."""
        (own,) = measured_courses(after(stayed_down()))
        long_ = recovery([WELL] * 3000)
        (longer,) = measured_courses(after(long_))
        assert len(longer.calls) < 4 * len(own.calls)
        assert "3000 s" in words(longer.queue)

    def test_a_restart_is_in_the_table(self) -> None:
        """How the candidate fared, started anew, is told in figures."""
        table = measured_table(after(stayed_down(), restart=started_anew()))
        assert [row[0] for row in table.rows] == ["candidate", "candidate, started anew"]
        assert table.rows[0][1:] == (
            f"not served again within {LIMIT_S} s",
            "0%",
            "3.0",
            "0",
            "133/s",
            "50/s",
            "300/s",
            "not at 12.5/s",
        )

    @pytest.mark.parametrize(
        ("then", "healed"),
        [
            ([WELL] * 3, "25/s"),
            ([*[DOWN] * 2 * STEP_S, *[WELL] * 3], "no retries"),
        ],
    )
    def test_where_it_healed_is_in_the_table(
        self, then: list[tuple[int, int, int]], healed: str
    ) -> None:
        """The demand at which a build got well again, and whether retries had to end."""
        table = measured_table(after(recovery([*[DOWN] * LIMIT_S, *then]), came_back(build="base")))
        assert [row[-1] for row in table.rows] == [healed, "-"]

    def test_a_restart_is_drawn_in_its_own_time(self) -> None:
        """Fresh processes have a course: as high as the others', and only as long as it took."""
        again = started_anew(2)
        down, anew = measured_courses(after(stayed_down(), restart=again))
        assert anew.name == "candidate, started anew: served again after 2 s"
        heights = [
            [mark.get("y1") for mark in of_kind(own.calls, "line", "grid")] for own in (down, anew)
        ]
        assert heights[0] == heights[1]
        assert f"{len(again.answered)} s" in words(anew.queue)
        (answered,) = of_kind(anew.calls, "path", "answered")
        assert max(x for x, _ in corners(answered)) == UNITS

    def test_what_was_tried_is_drawn(self) -> None:
        """Where the demand was lowered, and to what, and where nobody retried, in words as well."""
        down, back = measured_courses(after(stayed_down(), came_back(7, build="base")))
        assert [own for own in words(down.calls) if own in TRIED] == list(TRIED)
        assert [len(of_kind(own, "line", "change")) for own in (down.calls, down.queue)] == [3, 3]
        told = "lowered to 50 %: in vain; lowered to 25 %: in vain; nobody retries: in vain"
        assert down.tried == told
        (description,) = drawn(down.calls).findall("desc")
        assert told in (description.text or "")
        assert (back.tried, of_kind(back.calls, "line", "change")) == ("", [])

    def test_what_soon_ended_has_room_for_its_words(self) -> None:
        """Law: what was tried one after the other stands in rows of its own, however short."""
        then = [*[DOWN] * STEP_S, *[WELL] * 3]
        (own,) = measured_courses(after(recovery([*[DOWN] * LIMIT_S, *then])))
        rows = [text.get("y") for text in drawn(own.calls).iter("text") if text.text in TRIED]
        assert len(set(rows)) == len(rows) == 2

    def test_a_simulation_is_drawn_with_its_cure(self) -> None:
        """As it is and with the cure, each with how many calls are answered at the end."""
        made = PAGES["warn"]
        picture = picture_in(made, judge(made))
        assert picture is not None
        as_it_is, cured = simulated_courses(picture)
        assert as_it_is.name.startswith("as it is: 0 % of calls")
        assert cured.name.startswith("with a retry budget of 10 % of successes for gateway: ")

    def test_without_an_upset_nothing_is_drawn(self) -> None:
        """A check that did not try has no course."""
        assert measured_courses(case()) == []


class TestSearch:
    """Trials at many rates."""

    def test_a_missed_promise_is_hollow(self) -> None:
        """Each trial is a point; those that missed a promise are told from those that did not."""
        chart = search_chart(PAGES["searched"])
        assert chart is not None
        assert len(of_kind(chart.picture, "circle", "dot")) == 6
        assert len(of_kind(chart.picture, "circle", "missed")) == 3
        assert chart.table is not None
        assert [row[2] for row in chart.table.rows].count("none") == 3
        assert any(own.startswith("mu_SLO ") for own in words(chart.picture))

    def test_too_few_trials_are_not_drawn(self) -> None:
        """Where no rate was found there is no picture of it, nor where none was searched."""
        few = case(search=search((280.0, 0)), held_to=terms(config=config(slo=PROMISED)))
        assert search_chart(few) is None
        assert search_chart(case()) is None


def again(candidate: BuildId) -> str:
    """Return the command that measures a candidate again."""
    made = case()
    measured = made.measurement.model_copy(update={"candidate": candidate})
    return commands_of(made.model_copy(update={"measurement": measured}))[1].line


def test_a_build_is_named_as_it_can_be_found() -> None:
    """By its commit if nothing was changed, as a directory, or as the tree that is there."""
    assert f"--candidate {'a' * 40} " in again(BuildId(name="x", commit="a" * 40))
    assert "--candidate . " in again(BuildId(name="working tree", commit="a" * 40, dirty=True))
    assert "--candidate '/srv/my build' " in again(BuildId(name="/srv/my build"))


def test_names_cannot_add_to_a_command() -> None:
    """Law: whatever a build is called, it stays one word of the command."""
    assert "--candidate '/x; rm -rf ~' " in again(BuildId(name="/x; rm -rf ~"))


def test_facts_tell_builds_machine_and_load() -> None:
    """What was measured, when, where and with what stands in the page, each once."""
    facts = {own.name: own.words for own in facts_of(PAGES["pass"])}
    assert facts["candidate"] == f"feature (1111111111 Cache keys), commit {'1' * 40}"
    assert facts["CPUs"] == "builds on 0, load on 1"
    assert facts["mix"] == "introspect 90.0 %, login 10.0 %"
    assert facts["stored baseline"] == (
        "commit 333333333333, measured 2026-11-01T10:00:00+00:00, accepted as PASS"
    )
