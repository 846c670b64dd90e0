"""The callers of the auth service: an ordinary Locust file of two operations."""

from __future__ import annotations

from http import HTTPStatus

from locust import FastHttpUser, task

MACHINE = ("mailer", "mailer-secret")
RESOURCE_SERVER = ("gateway", "gateway-secret")


class Caller(FastHttpUser):
    """A service that gets itself a token, and asks whether tokens are active."""

    access_token = ""

    def on_start(self) -> None:
        """Get the token that is asked about."""
        self.token()

    @task
    def introspect(self) -> None:
        """Ask whether the token is active: it always is."""
        form = {"token": self.access_token}
        with self.client.post(
            "/introspect", data=form, auth=RESOURCE_SERVER, name="introspect", catch_response=True
        ) as response:
            if response.status_code == HTTPStatus.OK and not response.json()["active"]:
                response.failure("the token is not active")

    @task
    def token(self) -> None:
        """Get a token."""
        form = {"grant_type": "client_credentials", "scope": "read"}
        with self.client.post(
            "/token", data=form, auth=MACHINE, name="token", catch_response=True
        ) as response:
            if response.status_code == HTTPStatus.OK:
                self.access_token = response.json()["access_token"]
