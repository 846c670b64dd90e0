"""The token endpoint over real HTTP: every grant and every error of RFC 6749."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import httpx
import pytest
from running_service import BILLING, GATEWAY, MOBILE, WEB, Running, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PASSWORD_FORM = {"grant_type": "password", "username": "user-001", "password": "open-sesame-1"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One service for the whole module."""
    with running(tmp_path_factory.mktemp("grants")) as started:
        yield started


def error_of(answer: httpx.Response) -> tuple[int, str]:
    """Return status and code of an error answer, which must have the form the RFC gives it."""
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json().keys() == {"error", "error_description"}
    return answer.status_code, answer.json()["error"]


def test_client_credentials_bring_a_token_but_no_refresh_token(service: Running) -> None:
    """RFC 6749, 4.4.3: a refresh token should not be included."""
    answer = service.post("/token", BILLING, grant_type="client_credentials", scope="read")

    assert answer.status_code == 200
    body = answer.json()
    assert body.keys() == {"access_token", "token_type", "expires_in", "scope"}
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 3600, "read")


def test_token_answers_are_never_stored(service: Running) -> None:
    """RFC 6749, 5.1: Cache-Control: no-store and Pragma: no-cache go with every token."""
    answer = service.post("/token", BILLING, grant_type="client_credentials")

    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["pragma"] == "no-cache"


def test_password_brings_access_and_refresh_token(service: Running) -> None:
    """RFC 6749, 4.3: the right password of a user brings both tokens."""
    body = service.login(7, scope="profile")

    assert body["scope"] == "profile"
    assert body["token_type"] == "Bearer"
    assert len(body["refresh_token"]) >= 43


def test_without_a_scope_all_that_is_allowed_is_granted_and_told(service: Running) -> None:
    """RFC 6749, 3.3: when the scope differs from the one asked for, the answer names it."""
    assert service.login()["scope"] == "orders:read orders:write profile"


def test_client_may_authenticate_in_the_body(service: Running) -> None:
    """RFC 6749, 2.3.1: client_id and client_secret may come as parameters."""
    answer = service.post(
        "/token",
        None,
        grant_type="client_credentials",
        client_id="billing",
        client_secret="billing-secret",
    )

    assert answer.status_code == 200


def test_unknown_parameters_and_empty_ones_are_ignored(service: Running) -> None:
    """RFC 6749, 3.2: a parameter without a value counts as omitted, an unknown one is ignored."""
    body = service.tokens(BILLING, grant_type="client_credentials", scope="", colour="blue")

    assert body["scope"] == "read write"


@pytest.mark.parametrize(
    "auth",
    [
        pytest.param(None, id="none at all"),
        pytest.param(("billing", "wrong"), id="wrong secret"),
        pytest.param(("nobody", "billing-secret"), id="unknown client"),
        pytest.param(("billing", ""), id="empty secret"),
    ],
)
def test_bad_client_gets_401_and_a_challenge(
    service: Running, auth: tuple[str, str] | None
) -> None:
    """RFC 6749, 5.2: invalid_client is 401, with the scheme the client may use."""
    answer = service.post("/token", auth, grant_type="client_credentials")

    assert error_of(answer) == (401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic realm=")


def test_wrong_secret_in_the_body_is_an_invalid_client_too(service: Running) -> None:
    """RFC 6749, 5.2: the same error by whichever way the client authenticates."""
    answer = service.post(
        "/token", None, grant_type="client_credentials", client_id="billing", client_secret="no"
    )

    assert error_of(answer) == (401, "invalid_client")


@pytest.mark.parametrize(
    "header", ["Bearer abc", "Basic", "Basic !!!", "Basic gICA", "Basic Ymlsb"]
)
def test_unreadable_credentials_are_an_invalid_client(service: Running, header: str) -> None:
    """RFC 6749, 5.2: an unsupported or unreadable authentication is answered like a wrong one."""
    answer = service.http.post(
        "/token", data={"grant_type": "client_credentials"}, headers={"authorization": header}
    )

    assert error_of(answer) == (401, "invalid_client")


@pytest.mark.parametrize(
    ("auth", "form", "error"),
    [
        (BILLING, {}, "invalid_request"),
        (BILLING, {"grant_type": ""}, "invalid_request"),
        (BILLING, {"grant_type": "authorization_code"}, "unsupported_grant_type"),
        (BILLING, {**PASSWORD_FORM}, "unauthorized_client"),
        (WEB, {"grant_type": "client_credentials"}, "unauthorized_client"),
        (GATEWAY, {"grant_type": "client_credentials"}, "unauthorized_client"),
        (BILLING, {"grant_type": "client_credentials", "scope": "admin"}, "invalid_scope"),
        (BILLING, {"grant_type": "client_credentials", "scope": "read admin"}, "invalid_scope"),
        (WEB, {**PASSWORD_FORM, "scope": "admin"}, "invalid_scope"),
        (WEB, {"grant_type": "password", "username": "user-001"}, "invalid_request"),
        (WEB, {"grant_type": "password", "password": "open-sesame-1"}, "invalid_request"),
        (WEB, {**PASSWORD_FORM, "password": "open-sesame-2"}, "invalid_grant"),
        (WEB, {**PASSWORD_FORM, "username": "user-999"}, "invalid_grant"),
        (WEB, {"grant_type": "refresh_token"}, "invalid_request"),
        (WEB, {"grant_type": "refresh_token", "refresh_token": "made-up"}, "invalid_grant"),
        (BILLING, {"client_secret": "billing-secret"}, "invalid_request"),
        (BILLING, {"grant_type": "client_credentials", "client_id": "mailer"}, "invalid_request"),
    ],
)
def test_each_error_of_the_token_endpoint(
    service: Running, auth: tuple[str, str], form: dict[str, str], error: str
) -> None:
    """RFC 6749, 5.2: all other errors are 400 with their own code."""
    assert error_of(service.post("/token", auth, **form)) == (400, error)


def test_parameter_given_twice_is_an_invalid_request(service: Running) -> None:
    """RFC 6749, 3.2: parameters must not be included more than once."""
    answer = service.http.post(
        "/token", data={"grant_type": ["client_credentials"] * 2}, auth=BILLING
    )

    assert error_of(answer) == (400, "invalid_request")


def test_body_that_is_no_form_is_an_invalid_request(service: Running) -> None:
    """RFC 6749, 3.2: parameters are sent form-encoded and in no other way."""
    as_json = service.http.post("/token", json={"grant_type": "client_credentials"}, auth=BILLING)
    as_parts = service.http.post("/token", files={"grant_type": b"password"}, auth=BILLING)

    assert error_of(as_json) == (400, "invalid_request")
    assert error_of(as_parts) == (400, "invalid_request")


@pytest.mark.parametrize("form", [{"scope": "x" * 9000}, {str(n): "x" for n in range(17)}])
def test_oversized_forms_are_refused(service: Running, form: dict[str, str]) -> None:
    """A form that no client of ours would send is not read to its end."""
    assert error_of(service.post("/token", BILLING, **form)) == (400, "invalid_request")


def test_token_requests_must_be_posts(service: Running) -> None:
    """RFC 6749, 3.2: the client must use POST, so that credentials stay out of URLs."""
    answer = service.http.get("/token", params={"grant_type": "client_credentials"})

    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


def test_unknown_user_and_wrong_password_look_the_same(service: Running) -> None:
    """Nobody learns from an answer which users exist."""
    wrong = service.post("/token", WEB, **{**PASSWORD_FORM, "password": "no"})
    unknown = service.post("/token", WEB, **{**PASSWORD_FORM, "username": "nobody"})

    assert (wrong.status_code, wrong.content) == (unknown.status_code, unknown.content)


def test_refresh_rotates(service: Running) -> None:
    """RFC 6749, 6: a refresh brings a new access token and a new refresh token."""
    first = service.login(3)
    second = service.refresh(first["refresh_token"]).json()

    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    assert service.introspect(second["access_token"])["sub"] == "user-003"
    assert service.refresh(second["refresh_token"]).status_code == 200


def test_reuse_of_a_refresh_token_revokes_its_family(service: Running) -> None:
    """RFC 9700, 4.14.2: who comes with a spent token ends the login for everyone."""
    first = service.login(4)
    second = service.refresh(first["refresh_token"]).json()
    other_login = service.login(4)

    assert error_of(service.refresh(first["refresh_token"])) == (400, "invalid_grant")
    assert error_of(service.refresh(second["refresh_token"])) == (400, "invalid_grant")
    assert service.introspect(second["access_token"]) == {"active": False}
    assert service.introspect(first["access_token"]) == {"active": False}
    assert service.introspect(other_login["access_token"])["active"] is True


def test_refresh_may_narrow_the_scope_but_not_for_the_next_one(service: Running) -> None:
    """RFC 6749, 6: the new refresh token has the scope of the old one."""
    first = service.login(5, scope="profile orders:read")
    narrow = service.refresh(first["refresh_token"], scope="profile").json()
    full = service.refresh(narrow["refresh_token"]).json()

    assert narrow["scope"] == "profile"
    assert full["scope"] == "orders:read profile"


def test_refresh_may_not_widen_the_scope_and_such_a_try_spends_nothing(service: Running) -> None:
    """RFC 6749, 6: the scope must not include any scope not originally granted."""
    first = service.login(6, scope="profile")
    wider = service.refresh(first["refresh_token"], scope="profile orders:read")

    assert error_of(wider) == (400, "invalid_scope")
    assert service.refresh(first["refresh_token"]).status_code == 200


def test_access_token_is_no_refresh_token(service: Running) -> None:
    """RFC 6749, 1.5: refresh tokens are for the token endpoint, access tokens are not."""
    answer = service.refresh(service.login()["access_token"])

    assert error_of(answer) == (400, "invalid_grant")


def test_event_loop_goes_on_while_a_password_is_verified(service: Running) -> None:
    """Verifying a password holds up nobody else: other answers come before it is done."""
    most = max(_answers_during_a_login(service) for _ in range(5))

    assert most >= 2


def _answers_during_a_login(service: Running) -> int:
    login = threading.Thread(target=service.login, args=(9,))
    answers = 0
    with httpx.Client(base_url=service.url) as other:
        other.get("/healthz")
        login.start()
        while login.is_alive():
            other.get("/healthz")
            answers += login.is_alive()
    login.join()
    return answers


def test_another_client_cannot_use_a_refresh_token_nor_spend_it(service: Running) -> None:
    """RFC 6749, 6: a refresh token is bound to the client it was issued to."""
    first = service.login(8)

    assert error_of(service.refresh(first["refresh_token"], MOBILE)) == (400, "invalid_grant")
    assert service.refresh(first["refresh_token"]).status_code == 200


def test_tokens_end_when_they_said_they_would(tmp_path: Path) -> None:
    """RFC 7662, 2.2: a token is active before its exp and never after it."""
    lifetimes = {"AUTH_ACCESS_LIFETIME_S": "1", "AUTH_REFRESH_LIFETIME_S": "2"}
    with running(tmp_path, **lifetimes) as service:
        body = service.login()
        access_ends_s = _watch_the_end(service, body["access_token"])
        refresh_ends_s = _watch_the_end(service, body["refresh_token"])
        late = service.refresh(body["refresh_token"])

    assert body["expires_in"] == 1
    assert refresh_ends_s >= access_ends_s
    assert error_of(late) == (400, "invalid_grant")


def _watch_the_end(service: Running, token: str) -> float:
    exp = 0.0
    while True:
        asked_s = time.time()
        said = service.introspect(token)
        answered_s = time.time()
        if not said["active"]:
            assert said == {"active": False}
            assert answered_s >= exp
            return answered_s
        exp = said["exp"]
        assert asked_s < exp
        time.sleep(0.1)


def test_no_access_token_outlives_its_login(tmp_path: Path) -> None:
    """However long access tokens live, those of a login end when the login does."""
    lifetimes = {"AUTH_ACCESS_LIFETIME_S": "3600", "AUTH_REFRESH_LIFETIME_S": "60"}
    with running(tmp_path, **lifetimes) as service:
        assert service.login()["expires_in"] == 60
        assert service.tokens(BILLING, grant_type="client_credentials")["expires_in"] == 3600
