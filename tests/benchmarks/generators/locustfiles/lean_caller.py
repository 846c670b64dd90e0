"""An ordinary Locust file: one request with the lean client."""

from __future__ import annotations

import os

from locust import constant_throughput, task

from perfgate.lean import LeanHttpUser


class Caller(LeanHttpUser):
    """Fetches one page; perfgate has arrivals of its own and leaves ``wait_time`` aside."""

    wait_time = constant_throughput(float(os.environ.get("USER_RPS", "1")))

    @task
    def fetch(self) -> None:
        """Fetch the page."""
        self.client.get("/", name="fetch")
