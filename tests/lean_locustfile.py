"""An ordinary Locust file for the tests of the lean client: asks in every way, once.

What Locust is told of each request is written, with the answer, to the file ANSWERS_FILE.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import gevent
from locust import events, task

from perfgate.lean import LeanHttpUser

ANSWERED = ("/ok", "/empty", "/chunked", "/early", "/ok", "/close", "/old", "/once", "/ahead")
FAILING = ("/error", "/moved", "/cut", "/squeezed", "/noise", "/mute")
REFUSED = ("ok", "http://127.0.0.1/ok", "/not encoded")
PATIENCE_S = 0.3
PAUSE_S = 0.05

told: list[dict[str, Any]] = []


class Caller(LeanHttpUser):
    """One user, which asks and then ends the run."""

    network_timeout = PATIENCE_S
    default_headers = {"X-Test": "default"}  # noqa: RUF012 - as users write it

    @task
    def ask(self) -> None:
        """Ask in every way."""
        for path in (*ANSWERED, *FAILING, "/ok"):
            self.client.get(path)
            gevent.sleep(PAUSE_S)  # the server has time to hang up
        self.client.post("/ok", name="form", data={"a": "1 2", "b": "ü"})
        self.client.post("/ok", name="text", data="grün", headers={"X-Test": "own"})
        self.client.put("/ok", name="json", json={"a": [1]})
        self.client.delete("/ok", name="delete")
        self.client.request("HEAD", "/ok", name="head")
        refused = []
        for path in REFUSED:
            try:
                self.client.get(path)
            except ValueError as error:
                refused.append(str(error))
        seen = {"told": told, "refused": refused}
        Path(os.environ["ANSWERS_FILE"]).write_text(json.dumps(seen))
        assert self.environment.runner
        self.environment.runner.quit()


@events.request.add_listener  # type: ignore[untyped-decorator] # Locust's is not annotated
def note(**given: Any) -> None:
    """Note what Locust is told."""
    response, failure = given.pop("response"), given.pop("exception")
    answer = {"status": response.status_code, "text": response.text}
    told.append(
        given | answer | {"failure": f"{type(failure).__name__}: {failure}" if failure else ""}
    )
