"""The Locust file with which the load generator is tried: one small request, as plain as can be."""

from __future__ import annotations

from locust import FastHttpUser, task


class Caller(FastHttpUser):
    """Fetches from the trial's server."""

    @task
    def fetch(self) -> None:
        """Send the request."""
        self.client.get("/")
