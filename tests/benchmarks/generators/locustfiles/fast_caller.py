"""An ordinary Locust file: one request with Locust's faster client."""

from __future__ import annotations

import os

from locust import FastHttpUser, constant_throughput, task


class Caller(FastHttpUser):
    """Fetches one page; perfgate has arrivals of its own and leaves ``wait_time`` aside."""

    wait_time = constant_throughput(float(os.environ.get("USER_RPS", "1")))

    @task
    def fetch(self) -> None:
        """Fetch the page."""
        self.client.get("/", name="fetch")
