"""Client credentials and scopes: laws over all names, not only those that are seeded."""

from __future__ import annotations

import base64
from contextlib import closing
from urllib.parse import quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request

from perfgate.demo.protocol import OAuthError, authenticate, granted_scope, required
from perfgate.demo.store import Client, Store, sha256

names = st.text(min_size=1, max_size=20)
words = st.frozensets(st.sampled_from(["read", "write", "admin", "profile"]))


def a_request(*headers: tuple[str, str]) -> Request:
    """Return a request that holds nothing but headers."""
    raw = [(name.encode(), value.encode()) for name, value in headers]
    return Request({"type": "http", "headers": raw})


def basic(client_id: str, secret: str) -> Request:
    """Return a request with credentials in the header, as RFC 6749, 2.3.1 has them."""
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return a_request(("authorization", "Basic " + base64.b64encode(pair.encode()).decode()))


@settings(deadline=None)
@given(client_id=names, secret=names, wrong=names)
def test_any_name_and_secret_authenticate_in_both_ways(
    client_id: str, secret: str, wrong: str
) -> None:
    """RFC 6749, 2.3.1: header and body are equal, whatever characters are in them."""
    client = Client(client_id, sha256(secret), frozenset(), frozenset())
    in_body = {"client_id": client_id, "client_secret": secret}
    with closing(Store(":memory:")) as store:
        store.seed([client], [])

        assert authenticate(store, basic(client_id, secret), {}) == client
        assert authenticate(store, basic(client_id, secret), {"client_id": client_id}) == client
        assert authenticate(store, a_request(), in_body) == client
        if wrong != secret:
            with pytest.raises(OAuthError, match="invalid_client"):
                authenticate(store, basic(client_id, wrong), {})


def test_scheme_is_read_in_any_case() -> None:
    """RFC 9110, 11.1: the name of an authentication scheme is case-insensitive."""
    encoded = base64.b64encode(b"shop:secret").decode()
    client = Client("shop", sha256("secret"), frozenset(), frozenset())
    with closing(Store(":memory:")) as store:
        store.seed([client], [])

        assert authenticate(store, a_request(("authorization", f"bASIC {encoded}")), {}) == client


@given(allowed=words, asked=words)
def test_no_more_is_granted_than_asked_for_and_allowed(
    allowed: frozenset[str], asked: frozenset[str]
) -> None:
    """RFC 6749, 3.3: all that was asked for is granted, or nothing is."""
    if asked and asked <= allowed:
        assert frozenset(granted_scope(allowed, " ".join(asked)).split()) == asked
    else:
        with pytest.raises(OAuthError, match="invalid_scope"):
            granted_scope(allowed, " ".join(asked))


def test_scope_is_spelt_in_one_way() -> None:
    """The same scope is always the same text, so that answers can be compared."""
    assert granted_scope(frozenset("ba"), "b a b") == granted_scope(frozenset("ab"), None) == "a b"


def test_client_that_is_allowed_nothing_is_granted_nothing() -> None:
    """A token for nothing is not issued."""
    with pytest.raises(OAuthError, match="invalid_scope"):
        granted_scope(frozenset(), None)


def test_missing_parameter_is_named() -> None:
    """The description tells a developer which parameter it was."""
    with pytest.raises(OAuthError) as caught:
        required({}, "token")

    assert caught.value.code == "invalid_request"
    assert "token" in caught.value.description
