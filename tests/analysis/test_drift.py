"""Laws of drift: what changed while a build ran, as log ratios."""

from __future__ import annotations

import math

import numpy as np
import pytest
from builders import ARRIVALS, Build, session, sessions
from hypothesis import given
from hypothesis import strategies as st

from perfgate.analysis.drift import open_trends, peak_rises
from perfgate.measurement.models import OpenLoop, Run


@given(drift=st.floats(-2, 2))
def test_a_trend_is_that_from_first_to_last_third(drift: float) -> None:
    """Law: equal trends of all operations are the trend; the other build's is its own."""
    runs = sessions(candidate=Build(drift=drift), noise=0.0)
    assert open_trends(runs, "candidate") == pytest.approx([drift] * 4, abs=1e-9)
    assert open_trends(runs, "base") == pytest.approx([0.0] * 4, abs=1e-9)


def with_thirds(**thirds_s: tuple[float, ...]) -> Run:
    """Return a session whose candidate has these thirds by operation."""
    run = session()
    own = run.builds["candidate"]
    changed = {
        name: figures.model_copy(update={"thirds_s": thirds_s.get(name, ())})
        for name, figures in own.open.operations.items()
    }
    loop = OpenLoop(seconds=own.open.seconds, operations=changed)
    return run.model_copy(
        update={"builds": {**run.builds, "candidate": own.model_copy(update={"open": loop})}}
    )


def test_operations_count_by_their_answers() -> None:
    """A rare operation moves the trend by its share of the answers only."""
    run = with_thirds(introspect=(1.0, 1.0, 1.0), login=(1.0, 1.0, math.e))
    share = ARRIVALS["login"] / sum(ARRIVALS.values())
    assert open_trends([run], "candidate") == pytest.approx([share])


def test_without_thirds_no_trend_is_known() -> None:
    """Operations with too few answers say nothing; without any other, nothing is known."""
    alone = with_thirds(login=(1.0, 1.0, math.e))
    assert open_trends([alone], "candidate") == pytest.approx([1.0])
    assert np.isnan(open_trends([with_thirds()], "candidate")).all()


@given(memory=st.floats(-2, 2))
def test_a_rise_of_the_peak_is_a_log_ratio(memory: float) -> None:
    """Law: the rise is that of the candidate's peak over the base's."""
    assert peak_rises(sessions(candidate=Build(memory=memory))) == pytest.approx(
        [memory] * 4, abs=1e-6
    )
