"""Access tokens: what goes in comes out, and nothing that was tampered with does."""

from __future__ import annotations

import json
import stat
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from perfgate.demo.tokens import ALGORITHM, TOKEN_TYPE, Grant, Signer, load_key

if TYPE_CHECKING:
    from pathlib import Path

ISSUER = "https://issuer.example"
KEY = ECKey.generate_key("P-256", auto_kid=True)
SIGNER = Signer(KEY, ISSUER)

printable = st.characters(exclude_categories=["C", "Z"], include_characters=" ")
names = st.text(printable, min_size=1, max_size=30)
grants = st.builds(Grant, names, names, names, st.none() | names)


@given(grant=grants)
def test_claims_come_back_as_they_were_granted(grant: Grant) -> None:
    """Signing and verifying is the identity on a grant."""
    claims = SIGNER.claims(SIGNER.issue(grant, int(time.time()), 60))

    assert claims is not None
    assert Grant(claims["client_id"], claims["sub"], claims["scope"], claims.get("family")) == grant
    assert claims["exp"] == claims["iat"] + 60
    assert claims["iss"] == claims["aud"] == ISSUER


@given(position=st.integers(0, 10_000), letter=st.sampled_from("ABCXYZabcxyz0189-_"))
def test_no_changed_token_verifies(position: int, letter: str) -> None:
    """Changing any character of a token makes it worthless."""
    token = SIGNER.issue(Grant("client", "ann", "read"), int(time.time()), 60)
    at = position % len(token)
    changed = token[:at] + letter + token[at + 1 :]

    assert changed == token or SIGNER.claims(changed) is None


@given(token=st.text(max_size=80) | st.text("ey.J09-_", max_size=80))
def test_arbitrary_text_is_no_token(token: str) -> None:
    """Text that is no token is told apart without an exception."""
    assert SIGNER.claims(token) is None


def test_every_token_has_its_own_name() -> None:
    """RFC 7519, 4.1.7: jti is unique, so that one token can be revoked alone."""
    grant, now_s = Grant("client", "ann", "read"), int(time.time())
    found = [SIGNER.claims(SIGNER.issue(grant, now_s, 60)) for _ in range(20)]

    assert len({claims["jti"] for claims in found if claims}) == 20


def test_expired_token_is_no_token() -> None:
    """RFC 7519, 4.1.4: on or after exp, a token must not be accepted."""
    now_s = int(time.time())

    assert SIGNER.claims(SIGNER.issue(Grant("c", "s", "r"), now_s - 60, 60)) is None


def test_token_of_another_key_or_issuer_is_no_token() -> None:
    """RFC 9068, 4: signature and issuer must both be the expected ones."""
    grant, now_s = Grant("client", "ann", "read"), int(time.time())
    stranger = Signer(ECKey.generate_key("P-256", auto_kid=True), ISSUER)
    namesake = Signer(KEY, "https://other.example")

    assert SIGNER.claims(stranger.issue(grant, now_s, 60)) is None
    assert SIGNER.claims(namesake.issue(grant, now_s, 60)) is None


@pytest.mark.parametrize("missing", ["iss", "exp", "sub", "client_id", "jti"])
def test_token_that_lacks_a_claim_is_no_token(missing: str) -> None:
    """RFC 9068, 2.2: the claims an access token must have are demanded even under our own key."""
    claims = SIGNER.claims(SIGNER.issue(Grant("c", "s", "r"), int(time.time()), 60)) or {}
    header = {"alg": ALGORITHM, "typ": TOKEN_TYPE}
    without = {name: value for name, value in claims.items() if name != missing}

    assert SIGNER.claims(jwt.encode(header, claims, KEY)) == claims
    assert SIGNER.claims(jwt.encode(header, without, KEY)) is None


def test_other_kind_of_token_under_our_key_is_no_access_token() -> None:
    """RFC 9068, 4: the typ must be at+jwt."""
    claims = SIGNER.claims(SIGNER.issue(Grant("c", "s", "r"), int(time.time()), 60)) or {}

    assert SIGNER.claims(jwt.encode({"alg": ALGORITHM, "typ": "JWT"}, claims, KEY)) is None


def test_key_is_made_once_and_kept_private(tmp_path: Path) -> None:
    """The first start makes the key, later ones find it, and only the owner reads it."""
    path = tmp_path / "key.json"
    made, found = load_key(path), load_key(path)

    assert found.as_dict(private=True) == made.as_dict(private=True)
    assert found.kid == made.thumbprint()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", ["", "[", "{}", '{"kty": "EC"}', '{"kty": "oct", "k": "eA"}'])
def test_spoilt_key_is_an_error_and_not_replaced(tmp_path: Path, content: str) -> None:
    """A new key in place of a spoilt one would end every token, silently."""
    path = tmp_path / "key.json"
    path.write_text(content)

    with pytest.raises((ValueError, JoseError)):
        load_key(path)
    assert path.read_text() == content


def test_key_set_says_nothing_private() -> None:
    """RFC 7517, 9.2: the private part of a key is never published."""
    published = json.dumps(SIGNER.jwks())

    assert str(KEY.kid) in published
    assert str(KEY.as_dict(private=True)["d"]) not in published
