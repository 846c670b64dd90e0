"""The stored baseline decides alone: where it is asked to, and where its commit is out of reach."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from scenarios.auth_repository import AuthRepository, Finished

pytestmark = [pytest.mark.slow, pytest.mark.nightly]


def said(run: Finished) -> str:
    """Return the reason that the stored baseline gave; it must have decided alone."""
    (own,) = (own for own in run.verdict["findings"] if own["check"] == "baseline")
    assert "alone decided" in own["reason"], run.out
    assert "would not have been seen" in own["reason"], run.out
    return str(own["reason"])


def test_the_stored_baseline_decides_alone(repository: AuthRepository) -> None:
    """A build that lost most of its rate fails; an equal one passes where the base is not here."""
    repository.replace("perfgate.toml", "pairs = 80\n", "pairs = 80\nlooks = [2]\n")
    repository.commit("Look early")
    for words in (
        ("measure", "--output", "../first.json"),
        ("baseline", "accept", "../first.json"),
    ):
        done = repository.perfgate(*words)
        assert done.code == 0, done.err
    repository.commit("Accept the first baseline")
    repository.git("switch", "--quiet", "--create", "slower")
    repository.vary("serialised")

    slower = repository.perfgate("check", "--stored", "--format", "json")
    assert slower.code == 1, slower.err + slower.out
    assert "as --stored asks" in said(slower)
    assert repository.left_behind() == []

    repository.git("switch", "--quiet", "main")
    repository.vary("same behaviour")
    repository.git("clone", "--quiet", "--depth", "1", repository.root.as_uri(), "../shallow")
    repository.root = repository.root.parent / "shallow"
    equal = repository.perfgate("check", "--format", "json")
    assert equal.code == 0, equal.err + equal.out
    assert "as its commit cannot be reached: " in said(equal)
    assert "the stored baseline decides alone" in equal.err
