"""The store against real databases: families, rotation, revocation, all or nothing."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfgate.demo.store import Client, Family, Store, new_secret, sha256

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW_S = 1_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database of a test lies."""
    return tmp_path / "auth.sqlite3"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    """Open an empty database."""
    with closing(Store(path)) as opened:
        yield opened


def a_client(client_id: str = "shop", words: str = "open sesame") -> Client:
    """Return a client with all that a client can have."""
    scopes = frozenset({"read", "write"})
    return Client(client_id, sha256(words), frozenset({"password"}), scopes, introspects_all=True)


def a_family(family: str = "f", expires_s: int = NOW_S + 60) -> Family:
    """Return a login that has not ended."""
    return Family(family, "shop", "ann", "read", expires_s)


def test_clients_come_back_as_they_went_in(store: Store) -> None:
    """What is seeded is what is found, and nothing else is."""
    store.seed([a_client("one"), a_client("two")], [("ann", "hash")])

    assert store.client("two") == a_client("two")
    assert store.client("three") is None
    assert store.password_hash("ann") == "hash"
    assert store.password_hash("bob") is None


def test_seeding_is_all_or_nothing(store: Store) -> None:
    """A seed that fails half-way leaves the database as empty as it was."""
    with pytest.raises(sqlite3.IntegrityError):
        store.seed([a_client()], [("ann", "hash"), ("ann", "again")])

    assert not store.is_seeded()
    store.seed([a_client()], [("ann", "hash")])
    assert store.is_seeded()


def test_reopened_store_holds_what_was_written(path: Path) -> None:
    """Opening an existing database neither empties nor seeds it."""
    with closing(Store(path)) as first:
        first.seed([a_client()], [])
        first.start_family(a_family(), "t", NOW_S)
    with closing(Store(path)) as second:
        assert second.is_seeded()
        assert second.family_of("t") == a_family()


def test_secrets_are_not_kept(store: Store, path: Path) -> None:
    """Tokens are stored as digests only."""
    token = new_secret()
    store.start_family(a_family(), token, NOW_S)
    store.close()

    assert token.encode() not in path.read_bytes()
    assert sha256(token) in path.read_bytes()


def test_rotation_spends_the_old_and_adds_the_new_to_the_family(store: Store) -> None:
    """After a rotation both tokens are known, the old one as spent."""
    store.start_family(a_family(), "old", NOW_S)

    assert store.rotate("old", "new")
    assert store.family_of("new") == store.family_of("old") == a_family()
    assert (store.is_spent("old"), store.is_spent("new")) == (True, False)


def test_unknown_token_rotates_to_nothing(store: Store) -> None:
    """A made-up token adds nothing."""
    assert not store.rotate("made-up", "new")
    assert store.family_of("new") is None
    assert not store.is_spent("made-up")


def test_two_connections_cannot_spend_one_token_twice(store: Store, path: Path) -> None:
    """Whichever process comes second finds the token spent."""
    store.start_family(a_family(), "old", NOW_S)
    with closing(Store(path)) as other:
        assert [other.rotate("old", "mine"), store.rotate("old", "yours")] == [True, False]
    assert store.family_of("yours") is None


@settings(deadline=None, max_examples=60)
@given(presented=st.lists(st.integers(0, 9), max_size=30))
def test_each_token_is_exchanged_at_most_once(presented: list[int]) -> None:
    """In whatever order tokens are presented, an exchange succeeds once per token, if ever.

    Token n is successor number n of the first, so it works exactly when it is the newest.
    """
    with closing(Store(":memory:")) as store:
        store.start_family(a_family(), "0", NOW_S)
        newest = 0
        for number in presented:
            worked = store.rotate(str(number), str(newest + 1))
            assert worked == (number == newest)
            newest += worked


def test_revoking_a_family_revokes_its_access_tokens_only(store: Store) -> None:
    """Other logins, and tokens without one, go on."""
    for name in ("f", "g"):
        store.start_family(a_family(name), name, NOW_S)
    store.revoke_family("f")

    family = store.family_of("f")
    assert family is not None
    assert family.revoked
    assert store.is_revoked("jti", "f")
    assert not store.is_revoked("jti", "g")
    assert not store.is_revoked("jti", None)


def test_revoking_an_access_token_revokes_no_other(store: Store) -> None:
    """A single token ends; revoking it again changes nothing."""
    store.start_family(a_family(), "t", NOW_S)
    for _ in range(2):
        store.revoke_access("jti", NOW_S + 9, NOW_S)

    assert store.is_revoked("jti", "f")
    assert store.is_revoked("jti", None)
    assert not store.is_revoked("other", "f")


def test_tokens_of_a_forgotten_family_count_as_revoked(store: Store) -> None:
    """A login that is not in the database, for whatever reason, covers nothing."""
    assert store.is_revoked("jti", "never-seen")


def test_what_has_ended_is_forgotten(store: Store, path: Path) -> None:
    """The database grows with what is valid, not with what ever was."""
    for number in range(20):
        now_s = NOW_S + number * 10
        store.start_family(a_family(f"f{number}", now_s + 5), f"t{number}", now_s)
        store.rotate(f"t{number}", f"u{number}")
        store.revoke_access(f"j{number}", now_s + 5, now_s)

    with closing(sqlite3.connect(path)) as reader:
        for table, rows in (("families", 1), ("refresh_tokens", 2), ("revoked_access", 1)):
            (count,) = reader.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
            assert count == rows


def test_new_secrets_differ() -> None:
    """256 bits do not repeat."""
    assert len({new_secret() for _ in range(100)}) == 100
