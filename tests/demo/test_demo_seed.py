"""Seeding: as many users as asked for, each with a password that works, in little time."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from perfgate.demo.passwords import Passwords
from perfgate.demo.seed import (
    DISTINCT_PASSWORDS,
    client_secret,
    password,
    seed,
    seeded_clients,
    username,
)
from perfgate.demo.store import Store, sha256

if TYPE_CHECKING:
    from pathlib import Path

PASSWORDS = Passwords()


@pytest.mark.parametrize("users", [1, 3, 9])
def test_each_user_has_the_password_of_its_number(tmp_path: Path, users: int) -> None:
    """User n logs in with password n, and there is no user beyond the last."""
    with closing(Store(tmp_path / "auth.sqlite3")) as store:
        seed(store, PASSWORDS, users)
        hashes = [store.password_hash(username(n)) for n in range(users)]

        assert store.password_hash(username(users)) is None
    assert all(PASSWORDS.matches(known, password(n)) for n, known in enumerate(hashes))
    assert len(set(hashes)) == min(users, DISTINCT_PASSWORDS)


def test_neighbours_have_different_passwords() -> None:
    """A mixed-up user is noticed: its neighbour's password is wrong."""
    assert all(password(n) != password(n + 1) for n in range(12))


def test_clients_have_the_secret_of_their_name(tmp_path: Path) -> None:
    """Every client that is listed can be found and authenticated."""
    with closing(Store(tmp_path / "auth.sqlite3")) as store:
        seed(store, PASSWORDS, 1)
        for client in seeded_clients():
            assert store.client(client.client_id) == client
            assert client.secret_sha256 == sha256(client_secret(client.client_id))


def test_every_grant_has_a_client_that_may_use_it() -> None:
    """Nothing that the service can do is out of reach with a new database."""
    granted = frozenset[str]().union(*(client.grants for client in seeded_clients()))

    assert granted == {"client_credentials", "password", "refresh_token"}
    assert any(client.introspects_all for client in seeded_clients())
