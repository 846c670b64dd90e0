"""Identities: each has what it was given when it signed in, whoever else asks meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from load.runs import completed, open_plan, steady, tiny_server
from perfgate.load.plan import Outcome

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

GUESTS = "".join(
    f"""
class {kind}Guest({kind}):
    def on_start(self):
        self.token = self.client.get("/enter").text

    @task
    def by_{kind}(self):
        with self.client.get("/known", catch_response=True) as answer:
            if answer.text != f"guest={{self.token}}":
                answer.failure(f"known by {{answer.text}}")
"""
    for kind in ("FastHttpUser", "HttpUser")
)


def test_cookies_stay_with_their_identity(tmp_path: Path) -> None:
    """Law: a user is known by the cookie that it got at this build, whatever client it uses."""
    mix = {"by_FastHttpUser": 1.0, "by_HttpUser": 1.0}
    with tiny_server() as base, tiny_server() as candidate:
        plan = open_plan(base.host("base"), candidate.host(), mix=mix, identities=6)
        journal = completed(tmp_path, GUESTS, plan, steady(100, 0.6, mix))

    assert [journal.failures[code] for code in set(journal.rows["failure"])] == [""]
    assert set(journal.rows["outcome"]) == {Outcome.OK}
    assert len(journal.rows["outcome"]) == 2 * 60
