"""Times of the auth service's hot paths: hashing, signing, and what an introspection looks up.

How often a request of each operation makes such a call, `perfgate micro --explains` reads from
``calls``.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from perfgate.demo.passwords import Passwords
from perfgate.demo.store import Store
from perfgate.demo.tokens import Grant, Signer, load_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_benchmark.fixture import BenchmarkFixture

LIFETIME_S = 3600


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    """Return a signer with a fresh key."""
    return Signer(load_key(tmp_path / "key.json"), "http://issuer.test")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Open an empty store on disk."""
    opened = Store(tmp_path / "auth.sqlite")
    yield opened
    opened.close()


def grant() -> Grant:
    """Return what a user granted to a client."""
    return Grant(client_id="web-app", subject="user-001", scope="profile")


def test_verify_password(benchmark: BenchmarkFixture) -> None:
    """A login verifies one argon2id hash."""
    passwords = Passwords()
    known = passwords.hashed("open-sesame")
    benchmark.extra_info["calls"] = {"login": 1}
    assert benchmark(passwords.matches, known, "open-sesame")


def test_sign_token(benchmark: BenchmarkFixture, signer: Signer) -> None:
    """Whoever gets a token gets one signed."""
    benchmark.extra_info["calls"] = {"login": 1, "token": 1, "refresh": 1}
    token = benchmark(signer.issue, grant(), int(time.time()), LIFETIME_S)
    assert token.count(".") == 2


def test_verify_token(benchmark: BenchmarkFixture, signer: Signer) -> None:
    """An introspection verifies one signature."""
    token = signer.issue(grant(), int(time.time()), LIFETIME_S)
    benchmark.extra_info["calls"] = {"introspect": 1}
    claims = benchmark(signer.claims, token)
    assert claims["sub"] == "user-001"


def test_look_up_revocation(benchmark: BenchmarkFixture, store: Store) -> None:
    """An introspection asks once whether the token was revoked."""
    benchmark.extra_info["calls"] = {"introspect": 1}
    assert benchmark(store.is_revoked, "some-token", None) is False
