"""What was not asked is told, and what could not be known at a URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from builders import STANDARD, Build, case, config, terms

from perfgate.report.figures import figures_of
from perfgate.report.formats import FORMATS
from perfgate.verdict.finding import Outcome
from perfgate.verdict.judge import judge
from perfgate.verdict.scope import NOT_COMPARED, UNSEEN, left_out, left_out_words

if TYPE_CHECKING:
    from perfgate.measurement.models import Run
    from perfgate.verdict.case import Case

URL = "http://127.0.0.1:9000"


def unseen(run: Run) -> Run:
    """Return a run as it is where no process was seen."""
    own = run.builds["candidate"]
    windows = {
        name: getattr(own, name).model_copy(
            update={"cpu_s": (0.0,) * len(getattr(own, name).wall_s)}
        )
        for name in ("saturation", "pairs")
    }
    seen = own.model_copy(update={**windows, "open_cpu_s": 0.0, "peak_rss_bytes": 0, "solo": {}})
    return run.model_copy(update={"builds": {"candidate": seen}})


def at_url(build: Build = STANDARD, slo: dict[str, object] | None = None) -> Case:
    """Return a case of a service that ran already."""
    held_to = terms(config=config(target={"url": URL}, slo=slo or {}))
    made = case(build, None, held_to=held_to)
    measured = made.measurement
    assert measured.demand_run
    demand = measured.demand_run.model_copy(update={"run": unseen(measured.demand_run.run)})
    changes = {"demand_run": demand, "sessions": tuple(map(unseen, measured.sessions))}
    return made.model_copy(update={"measurement": measured.model_copy(update=changes)})


def test_a_url_passes_and_says_what_it_does_not_know() -> None:
    """What was measured is judged; what was not stands beside it, in every format of words."""
    made = at_url()
    verdict = judge(made)
    assert verdict.outcome is Outcome.PASS
    assert {"errors", "demand", "queue"} <= {finding.check for finding in verdict.findings}
    assert {NOT_COMPARED, *UNSEEN} <= set(left_out(made))
    assert f"It ran already, at {URL}, so it is not known {NOT_COMPARED}" in left_out_words(made)
    told = {name: render(made, verdict) for name, render in FORMATS.items()}
    for name in FORMATS.keys() - {"prometheus"}:
        assert all(" ".join(told[name].split()).count(own) for own in UNSEEN), name


def test_nothing_unseen_has_a_figure() -> None:
    """Neither cost nor memory stands among the figures, be it as 0; elsewhere both do."""
    unknown = {"cost per request", "peak memory"}
    assert not unknown & {figure.name for figure in figures_of(at_url())}
    assert unknown <= {figure.name for figure in figures_of(case())}
    assert "waits" not in {finding.check for finding in judge(at_url()).findings}


@pytest.mark.parametrize(
    ("build", "check"),
    [(Build(failed={"login": 20}), "errors"), (Build(saturated=2.0), "demand")],
)
def test_what_is_wrong_there_fails(build: Build, check: str) -> None:
    """Wrong answers, and a service rate below the demand, fail as anywhere."""
    verdict = judge(at_url(build))
    assert verdict.outcome is Outcome.FAIL
    assert verdict.findings[0].check.startswith(check)


def test_the_search_can_still_be_asked() -> None:
    """The highest rate within the promises is left out, not unknown."""
    words = left_out_words(at_url(slo={"*": {"p95_ms": 500.0}}))
    assert words.endswith("the highest rate that keeps every promise. --budget full asks it.")


def test_what_cannot_be_tried_here_is_not_promised() -> None:
    """Where no overload can be made, --budget full is not said to make one."""
    workers = {"locustfile": "callers.py", "expect_workers": 2}
    words = left_out_words(case(held_to=terms(config=config(load=workers))))
    assert words.endswith(
        "--recovery sends its calls from one process here, not from workers on other machines."
    )
    assert "asks all" not in words
