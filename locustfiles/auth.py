"""The callers of the auth service: tokens, logins and introspections pass through to its routes.

An ordinary Locust file. Nothing is measured here, but every answer is read: one with a wrong body
is a failure, whatever its status.
"""

from __future__ import annotations

import base64
import itertools
import json
import random
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar

from locust import FastHttpUser, between, task

if TYPE_CHECKING:
    from collections.abc import Iterator

    from locust.contrib.fasthttp import ResponseContextManager

USERS = 200
WEB_CLIENT = "web-app"
RESOURCE_SERVER = "gateway"
MACHINE_CLIENTS = ("billing", "catalogue", "mailer")
MACHINE_SCOPES = ("read", "write", "read write")
WEB_SCOPES = ("profile", "orders:read profile", "orders:read orders:write profile")

# A token this near to its end might be over by the time it is used.
RENEW_BEFORE_S = 30
JWT_DOTS = 2


def credentials(client_id: str) -> tuple[str, str]:
    """Return name and secret of a client of the service's seeded database."""
    return client_id, f"{client_id}-secret"


class AuthUser(FastHttpUser):
    """One user of the web application, and the services that see that user's token.

    A user without the token it needs, because a login or a refresh failed or it ran out, logs in
    again instead of what it was about to do: one task is always one request. Who gives up and tries
    again may have several under way.
    """

    wait_time = between(0.02, 0.1)
    connection_timeout = 2.0
    network_timeout = 5.0

    # Each user has a name of its own. perfgate numbers its users, so that base and candidate meet
    # the same ones. Plain Locust does not: they are counted, in several processes alike, which does
    # no harm, for every login has tokens of its own.
    perfgate_identity: int | None = None
    numbers: ClassVar[Iterator[int]] = itertools.count()

    username = ""
    password = ""
    access_token = ""
    refresh_token = ""
    scope = ""
    key_id: str | None = None
    renew_at_s = 0.0
    # What was issued last to this user or for its machines: no token is issued twice.
    last_issued = ""

    def on_start(self) -> None:
        """Take a name and log in."""
        number = self.perfgate_identity
        if number is None:
            number = next(self.numbers)
        number %= USERS
        self.username = f"user-{number:03d}"
        self.password = f"open-sesame-{number % 4}"
        self._log_in()

    @task(75)
    def introspect(self) -> None:
        """Ask, as a resource server would, whether the user's access token is active."""
        if not self._has_tokens():
            self._log_in()
            return
        token, scope = self.access_token, self.scope
        with self.client.post(
            "/introspect",
            data={"token": token},
            auth=credentials(RESOURCE_SERVER),
            name="introspect",
            catch_response=True,
        ) as response:
            body = read_body(response)
            if body is not None:
                judge(response, self._introspection_fault(body, scope))
                if body.get("active") is not True and token == self.access_token:
                    self._forget_tokens()

    @task(12)
    def token(self) -> None:
        """Fetch a token for a machine (client credentials)."""
        client_id = random.choice(MACHINE_CLIENTS)
        scope = random.choice(MACHINE_SCOPES)
        with self.client.post(
            "/token",
            data={"grant_type": "client_credentials", "scope": scope},
            auth=credentials(client_id),
            name="token",
            catch_response=True,
        ) as response:
            body = read_body(response)
            if body is not None:
                judge(response, token_fault(body, scope) or self._repeat_fault(body))

    @task(8)
    def jwks(self) -> None:
        """Fetch the public keys, which must hold the one that signed the user's token."""
        with self.client.get("/jwks", name="jwks", catch_response=True) as response:
            body = read_body(response)
            if body is not None:
                judge(response, jwks_fault(body, self.key_id))

    @task(4)
    def refresh(self) -> None:
        """Exchange the user's refresh token for new tokens; each one works only once."""
        if not self._has_tokens() or not self.refresh_token:
            self._log_in()
            return
        spent, scope = self.refresh_token, self.scope
        # Without an answer nobody knows whether it has been spent: it must not be sent again.
        self.refresh_token = ""
        with self.client.post(
            "/token",
            data={"grant_type": "refresh_token", "refresh_token": spent},
            auth=credentials(WEB_CLIENT),
            name="refresh",
            catch_response=True,
        ) as response:
            body = read_body(response)
            if body is not None:
                fault = refresh_fault(body, scope, spent) or self._repeat_fault(body)
                judge(response, fault)
                self._keep_tokens(body, fault)

    @task(1)
    def login(self) -> None:
        """Log in with the user's password."""
        self._log_in()

    def _log_in(self) -> None:
        scope = random.choice(WEB_SCOPES)
        form = {"grant_type": "password", "username": self.username, "password": self.password}
        with self.client.post(
            "/token",
            data={**form, "scope": scope},
            auth=credentials(WEB_CLIENT),
            name="login",
            catch_response=True,
        ) as response:
            body = read_body(response)
            if body is not None:
                fault = refresh_fault(body, scope, "") or self._repeat_fault(body)
                judge(response, fault)
                self._keep_tokens(body, fault)

    def _repeat_fault(self, body: dict[str, Any]) -> str:
        """Return what is wrong with an access token that is the one before, else nothing."""
        before, self.last_issued = self.last_issued, body["access_token"]
        return "access_token is not a new one" if self.last_issued == before else ""

    def _keep_tokens(self, body: dict[str, Any], fault: str) -> None:
        if fault:
            return
        self.access_token = body["access_token"]
        self.refresh_token = body["refresh_token"]
        self.scope = body["scope"]
        self.key_id = key_id(self.access_token)
        self.renew_at_s = time.monotonic() + body["expires_in"] - RENEW_BEFORE_S

    def _forget_tokens(self) -> None:
        self.access_token = self.refresh_token = self.scope = ""
        self.key_id = None
        self.renew_at_s = 0.0

    def _has_tokens(self) -> bool:
        return bool(self.access_token) and time.monotonic() < self.renew_at_s

    def _introspection_fault(self, body: dict[str, Any], scope: str) -> str:
        expected = {
            "active": True,
            "sub": self.username,
            "username": self.username,
            "client_id": WEB_CLIENT,
            "scope": scope,
            "token_type": "Bearer",
        }
        for name, value in expected.items():
            if body.get(name) != value:
                return f"{name} is wrong"
        return "" if is_positive_integer(body.get("exp")) else "exp is not a time"


def read_body(response: ResponseContextManager) -> dict[str, Any] | None:
    """Return the JSON object of a good answer; otherwise mark a failure and return None."""
    if response.status_code == 0:
        return None  # no answer: Locust's own words say why
    if response.status_code != HTTPStatus.OK:
        judge(response, f"status {response.status_code}")
        return None
    try:
        body = json.loads(response.text or "")
    except ValueError:
        body = None
    if not isinstance(body, dict):
        judge(response, "body is not a JSON object")
        return None
    return body


def judge(response: ResponseContextManager, fault: str) -> None:
    """Mark the answer as a failure when there is a fault."""
    if fault:
        response.failure(fault)  # type: ignore[no-untyped-call]  # Locust leaves it unannotated


def token_fault(body: dict[str, Any], scope: str) -> str:
    """Return what is wrong with the body of a token answer, or nothing."""
    if key_id(body.get("access_token")) is None:
        return "access_token is not a signed JWT"
    if body.get("token_type") != "Bearer":
        return "token_type is wrong"
    if not is_positive_integer(body.get("expires_in")):
        return "expires_in is not a positive integer"
    return "" if body.get("scope") == scope else "scope is wrong"


def refresh_fault(body: dict[str, Any], scope: str, spent: str) -> str:
    """Return what is wrong with a token answer that must bring a new refresh token, or nothing."""
    fault = token_fault(body, scope)
    if fault:
        return fault
    fresh = body.get("refresh_token")
    if not isinstance(fresh, str) or not fresh:
        return "refresh_token is missing"
    return "refresh_token is not a new one" if fresh == spent else ""


def jwks_fault(body: dict[str, Any], signing_key_id: str | None) -> str:
    """Return what is wrong with a JWK set that should hold the key of that name, or nothing."""
    keys = body.get("keys")
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        return "keys is not a list of keys"
    usable = [key for key in keys if isinstance(key.get("kty"), str) and "kid" in key]
    if not usable:
        return "no key with kty and kid"
    if any("d" in key for key in usable):
        return "a private key is published"
    if signing_key_id is not None and signing_key_id not in [key["kid"] for key in usable]:
        return "the signing key is missing"
    return ""


def key_id(token: object) -> str | None:
    """Return the name of the key that signed a JWT, or None if it is no JWT that names one."""
    if not isinstance(token, str) or token.count(".") != JWT_DOTS:
        return None
    try:
        header = json.loads(base64.urlsafe_b64decode(token.partition(".")[0] + "=="))
    except ValueError:
        return None
    found = header.get("kid") if isinstance(header, dict) else None
    return found if isinstance(found, str) else None


def is_positive_integer(value: object) -> bool:
    """Return whether a JSON value is a whole number over 0; ``true`` is none."""
    return type(value) is int and value > 0
