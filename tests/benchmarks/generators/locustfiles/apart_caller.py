"""An ordinary Locust file: one request with Locust's faster client, by users who keep apart."""

from __future__ import annotations

import os

from locust import FastHttpUser, poisson, task


class Caller(FastHttpUser):
    """Fetches one page, and waits for a random time each time."""

    wait_time = poisson(float(os.environ["USER_RPS"]))

    @task
    def fetch(self) -> None:
        """Fetch the page."""
        self.client.get("/", name="fetch")
