"""The verdict as one page of HTML that needs nothing else: no script, no network, no other file.

What it says, and every figure, is what the other formats say; here it is set and drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfgate.report.figures import (
    COST,
    OPEN_COST,
    figures_of,
    how_measured,
    picture_in,
    shown_change,
)
from perfgate.report.html.callers import outlook_of
from perfgate.report.html.course import measured_courses, simulated_courses
from perfgate.report.html.noise import rate_chart, sessions_of
from perfgate.report.html.outcome import measured_table
from perfgate.report.html.provenance import commands_of, facts_of
from perfgate.report.html.spread import spreads_of
from perfgate.report.html.templates import template
from perfgate.report.html.trials import search_chart
from perfgate.report.null import what_shows
from perfgate.report.picture import title_of as simulated_title
from perfgate.report.upset import title_of as measured_title
from perfgate.verdict.finding import number
from perfgate.verdict.limit import headroom_of
from perfgate.verdict.scope import left_out

if TYPE_CHECKING:
    from perfgate.report.figures import Figure
    from perfgate.verdict.case import Case
    from perfgate.verdict.finding import Verdict

TEMPLATE = "page.html"
# Figures that stand at the top where they are known.
KEY_FIGURES = ("service rate", "rate within promises", COST, OPEN_COST, "peak memory")
# What the rates that headroom may be of are called there.
RATES = {"mu_sat": "service rate", "mu_SLO": "rate within promises"}


def render(case: Case, verdict: Verdict) -> str:
    """Return the page; whatever came from a build or a file is escaped."""
    figures, picture = figures_of(case), picture_in(case, verdict)
    recoveries = case.measurement.recoveries
    return template(TEMPLATE).render(
        case=case,
        verdict=verdict,
        key_figures=[*_headroom(case), *_key_figures(figures)],
        outlook=outlook_of(case),
        search=search_chart(case),
        sessions=sessions_of(case),
        stored=rate_chart(case),
        what_shows=what_shows(case),
        figures=[
            (own, _cell(own.base), _cell(own.candidate), shown_change(own)) for own in figures
        ],
        spreads=spreads_of(case, figures),
        upset=measured_title(recoveries[0]) if recoveries else "",
        measured_courses=measured_courses(case),
        course_table=measured_table(case),
        stall="" if picture is None else simulated_title(picture),
        simulated=[] if picture is None else simulated_courses(picture),
        left_out=left_out(case),
        set_aside=_set_aside(case),
        how_measured=how_measured(case),
        facts=facts_of(case),
        commands=commands_of(case),
    )


def _headroom(case: Case) -> list[tuple[str, str, str]]:
    """Return name, figure and what it is of; nothing where it is not known."""
    own = headroom_of(case)
    return [] if own is None else [("headroom", f"{own.ratio:.2f}", f"by {RATES[own.by]}")]


def _key_figures(figures: list[Figure]) -> list[tuple[str, str, str]]:
    return [
        (own.name, f"{number(own.candidate)} {own.unit}".replace(" /s", "/s"), shown_change(own))
        for own in figures
        if own.name in KEY_FIGURES and own.candidate is not None
    ]


def _cell(value: float | None) -> str:
    return "-" if value is None else number(value)


def _set_aside(case: Case) -> list[str]:
    """Return what was wrong with runs that count for nothing, each once."""
    measured = case.measurement
    search = [] if measured.search is None else measured.search.discarded
    faults = [fault for run in (*measured.discarded, *search) for fault in run.validity.faults]
    return list(dict.fromkeys([*faults, *measured.broken_off]))
