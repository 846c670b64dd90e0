"""Who calls the service of threads, as an ordinary Locust file."""

from __future__ import annotations

import itertools

from locust import FastHttpUser, task

numbers = itertools.count()


class Caller(FastHttpUser):
    """Asks for digests of paths nobody has asked for before."""

    @task
    def digest(self) -> None:
        """Ask for a digest."""
        self._ask("digest")

    @task
    def audit(self) -> None:
        """Ask for the digest of another kind of path."""
        self._ask("audit")

    def _ask(self, name: str) -> None:
        path = f"/{name}/{next(numbers)}"
        with self.client.get(path, name=name, catch_response=True) as response:
            if len(response.json()["digest"]) != 64:
                response.failure("no digest")
