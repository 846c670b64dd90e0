"""Introspection, revocation, keys and health over real HTTP, and no request that breaks them."""

from __future__ import annotations

import base64
import json
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from running_service import BILLING, GATEWAY, MOBILE, WEB, Running, running

from perfgate.demo import app as app_module
from perfgate.demo.app import create_app
from perfgate.demo.settings import Settings, database_path

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One service for the whole module."""
    with running(tmp_path_factory.mktemp("app")) as started:
        yield started


def decoded(part: str) -> bytes:
    """Return the bytes behind a base64url text without padding (RFC 7515, 2)."""
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def payload_of(token: str) -> dict[str, Any]:
    """Return the claims of a JWT without verifying it."""
    claims: dict[str, Any] = json.loads(decoded(token.split(".")[1]))
    return claims


def test_introspection_tells_whose_token_it_is(service: Running) -> None:
    """RFC 7662, 2.2: an active token is described by the members the RFC defines."""
    body = service.login(11, scope="profile")
    said = service.introspect(body["access_token"])
    claims = payload_of(body["access_token"])

    assert said == {
        "active": True,
        "iss": "https://auth.demo.invalid",
        "aud": "https://auth.demo.invalid",
        "sub": "user-011",
        "username": "user-011",
        "client_id": "web-app",
        "scope": "profile",
        "token_type": "Bearer",
        "iat": claims["iat"],
        "exp": claims["iat"] + 3600,
        "jti": claims["jti"],
    }


def test_a_machine_is_its_own_subject_and_has_no_user_name(service: Running) -> None:
    """RFC 9068, 2.2: with no resource owner, sub is the client."""
    body = service.tokens(BILLING, grant_type="client_credentials")
    said = service.introspect(body["access_token"])

    assert (said["sub"], said["client_id"]) == ("billing", "billing")
    assert "username" not in said


def test_introspection_knows_refresh_tokens_until_they_are_spent(service: Running) -> None:
    """RFC 7662, 2: refresh tokens can be introspected; a spent one is inactive."""
    token = service.login(12)["refresh_token"]
    before = service.introspect(token)
    service.refresh(token)

    assert (before["active"], before["sub"], before["client_id"]) == (True, "user-012", "web-app")
    assert service.introspect(token) == {"active": False}


@pytest.mark.parametrize("token", ["made-up", "a.b.c", "..", "e30.e30.e30", "\x00", "\u20ac" * 50])
def test_tokens_that_are_not_ours_are_just_inactive(service: Running, token: str) -> None:
    """RFC 7662, 2.2: an unknown token is no error and nothing more is said about it."""
    assert service.introspect(token) == {"active": False}


def test_unsigned_and_foreign_tokens_are_inactive(service: Running) -> None:
    """RFC 8725, 3.1: the token does not choose its algorithm, and a changed one is worthless."""
    header, payload, signature = service.login()["access_token"].split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"at+jwt"}').decode().rstrip("=")
    other = service.tokens(BILLING, grant_type="client_credentials")["access_token"].split(".")

    for forged in (f"{none}.{payload}.", f"{header}.{other[1]}.{signature}"):
        assert service.introspect(forged) == {"active": False}


def test_hint_of_the_wrong_kind_changes_nothing(service: Running) -> None:
    """RFC 7662, 2.1: a hint that does not fit widens the search to all kinds of tokens."""
    token = service.login()["access_token"]
    answer = service.post("/introspect", GATEWAY, token=token, token_type_hint="refresh_token")

    assert answer.json()["active"] is True


def test_only_its_own_client_and_resource_servers_see_a_token(service: Running) -> None:
    """RFC 7662, 2.2: to one who may not introspect a token, it is inactive."""
    token = service.login()["access_token"]

    assert service.introspect(token, WEB)["active"] is True
    assert service.introspect(token, GATEWAY)["active"] is True
    assert service.introspect(token, MOBILE) == {"active": False}
    assert service.introspect(token, BILLING) == {"active": False}


@pytest.mark.parametrize("path", ["/introspect", "/revoke"])
def test_introspection_and_revocation_want_an_authenticated_client(
    service: Running, path: str
) -> None:
    """RFC 7662, 2.1 and RFC 7009, 2.1: clients authenticate as at the token endpoint."""
    for auth in (None, ("gateway", "wrong")):
        answer = service.post(path, auth, token="whatever")

        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
        assert answer.headers["www-authenticate"].startswith("Basic realm=")


@pytest.mark.parametrize("path", ["/introspect", "/revoke"])
def test_introspection_and_revocation_want_a_token(service: Running, path: str) -> None:
    """RFC 7662, 2.1 and RFC 7009, 2.1: the token parameter is required."""
    answer = service.post(path, GATEWAY)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_introspection_answers_are_never_stored(service: Running) -> None:
    """RFC 7662, 4: a kept answer would hide a later revocation."""
    answer = service.post("/introspect", GATEWAY, token="whatever")

    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"


def test_revoked_access_token_is_inactive_and_its_login_goes_on(service: Running) -> None:
    """RFC 7009, 2: revocation takes effect at once."""
    body = service.login(13)
    answer = service.post("/revoke", WEB, token=body["access_token"])

    assert answer.status_code == 200
    assert service.introspect(body["access_token"]) == {"active": False}
    assert service.refresh(body["refresh_token"]).status_code == 200


def test_revoking_a_refresh_token_ends_the_whole_login(service: Running) -> None:
    """RFC 7009, 2.1: the access tokens of the same grant are revoked with it."""
    body = service.login(14)
    answer = service.post("/revoke", WEB, token=body["refresh_token"])

    assert answer.status_code == 200
    assert service.introspect(body["access_token"]) == {"active": False}
    assert service.introspect(body["refresh_token"]) == {"active": False}
    assert service.refresh(body["refresh_token"]).json()["error"] == "invalid_grant"


def test_revoking_machine_tokens_twice_is_as_good_as_once(service: Running) -> None:
    """RFC 7009, 2.2: an already invalid token is answered like a valid one."""
    token = service.tokens(BILLING, grant_type="client_credentials")["access_token"]

    assert service.post("/revoke", BILLING, token=token).status_code == 200
    assert service.post("/revoke", BILLING, token=token).status_code == 200
    assert service.introspect(token) == {"active": False}


@pytest.mark.parametrize("hint", ["", "access_token", "nonsense"])
def test_revoking_an_unknown_token_is_fine(service: Running, hint: str) -> None:
    """RFC 7009, 2.2: the client can do nothing about it, and what it wanted is so already."""
    answer = service.post("/revoke", BILLING, token="made-up", token_type_hint=hint)

    assert answer.status_code == 200


def test_other_clients_cannot_revoke_a_token(service: Running) -> None:
    """RFC 7009, 2.1: a token of another client is refused, and goes on."""
    body = service.login(15)
    answers = [
        service.post("/revoke", MOBILE, token=body["access_token"]),
        service.post("/revoke", MOBILE, token=body["refresh_token"]),
    ]

    assert [(a.status_code, a.json()["error"]) for a in answers] == [(400, "invalid_grant")] * 2
    assert service.introspect(body["access_token"])["active"] is True


def test_published_key_verifies_tokens_without_our_library(service: Running) -> None:
    """RFC 7517 and RFC 7518, 3.4: anyone can verify a token from the key set alone."""
    header, payload, signature = service.login()["access_token"].split(".")
    named = json.loads(decoded(header))
    (key,) = service.http.get("/jwks").json()["keys"]
    x, y = (int.from_bytes(decoded(key[name]), "big") for name in ("x", "y"))
    public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    raw = decoded(signature)
    r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")

    assert (named["kid"], named["alg"]) == (key["kid"], key["alg"])
    # Raises when the signature does not fit.
    public.verify(encode_dss_signature(r, s), f"{header}.{payload}".encode(), ec.ECDSA(SHA256()))


def test_key_set_holds_the_public_part_only(service: Running) -> None:
    """RFC 7517, 4 and 5: the key says what it is for, and keeps its private part to itself."""
    answer = service.http.get("/jwks")
    (key,) = answer.json()["keys"]

    assert answer.headers["content-type"] == "application/jwk-set+json"
    assert key.keys() == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    assert (key["kty"], key["crv"], key["use"], key["alg"]) == ("EC", "P-256", "sig", "ES256")


def test_ready_service_is_healthy(service: Running) -> None:
    """Health is 200 once keys and database are there."""
    answer = service.http.get("/healthz")

    assert (answer.status_code, answer.json()) == (200, {"ready": True})


def test_service_that_lost_its_database_is_not_healthy(tmp_path: Path) -> None:
    """Health is 503 when the database no longer answers, and the process goes on."""
    with running(tmp_path) as service:
        with sqlite3.connect(database_path(service.directory)) as vandal:
            vandal.execute("DROP TABLE clients")
        vandal.close()
        answer = service.http.get("/healthz")

        assert (answer.status_code, answer.json()) == (503, {"ready": False})
        assert service.process.poll() is None


def test_introspection_is_easy_to_patch() -> None:
    """Others break this handler on purpose, by replacing two statements that occur only once."""
    source = Path(app_module.__file__).read_text("utf-8")

    assert source.count("    asked = await read_form(request)\n") == 1
    assert source.count('    return answer({"active": True, **claims})\n') == 1


bodies = st.one_of(
    st.binary(max_size=200),
    st.dictionaries(
        st.sampled_from(["grant_type", "token", "refresh_token", "scope", "username", "client_id"]),
        st.one_of(st.text(max_size=20), st.sampled_from(["client_credentials", "refresh_token"])),
    ).map(lambda form: str(httpx.QueryParams(form)).encode()),
)
credentials = st.one_of(
    st.sampled_from([b"Basic " + base64.b64encode(":".join(c).encode()) for c in (WEB, BILLING)]),
    st.binary(max_size=40).map(lambda raw: b"Basic " + base64.b64encode(raw)),
    st.text("abcXYZ019 =:/+", max_size=30).map(str.encode),
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    requests=st.lists(
        st.tuples(st.sampled_from(["/token", "/introspect", "/revoke"]), bodies, credentials),
        min_size=1,
        max_size=8,
    )
)
def test_no_request_breaks_the_service(
    tmp_path_factory: pytest.TempPathFactory, requests: list[tuple[str, bytes, bytes]]
) -> None:
    """Whatever is sent, the answer is a good one or an error of the RFCs, never a crash."""
    directory = tmp_path_factory.getbasetemp() / "fuzzed"
    directory.mkdir(exist_ok=True)

    for answer in anyio.run(_answers, directory, requests):
        assert answer.status_code in {200, 400, 401}
        assert answer.status_code == 200 or answer.json().keys() == {"error", "error_description"}
        assert answer.headers["cache-control"] == "no-store"


async def _answers(
    directory: Path, requests: list[tuple[str, bytes, bytes]]
) -> list[httpx.Response]:
    app = create_app(directory, Settings(users=1))
    kind = {"content-type": "application/x-www-form-urlencoded"}
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://auth") as client,
    ):
        return [
            await client.post(path, content=body, headers={**kind, "authorization": auth.decode()})
            for path, body, auth in requests
        ]
