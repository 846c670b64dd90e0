"""Clients, users and the state of tokens pass through to SQLite and back.

No cryptography beyond digests, and no rule of OAuth, is decided here.

Refresh tokens of one login form a *family*: each refresh spends one and adds the next, and
revoking the family ends every token that came of that login. Access tokens are not stored, only
the revoked ones, so the database does not grow with the tokens issued.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS clients (
    client_id TEXT PRIMARY KEY,
    secret_sha256 BLOB NOT NULL,
    grants TEXT NOT NULL,
    scopes TEXT NOT NULL,
    introspects_all INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS users (
    username TEXT PRIMARY KEY,
    password_hash TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS families (
    family TEXT PRIMARY KEY,
    client_id TEXT NOT NULL,
    username TEXT NOT NULL,
    scope TEXT NOT NULL,
    expires_s INTEGER NOT NULL,
    revoked INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS families_by_expiry ON families (expires_s);
CREATE TABLE IF NOT EXISTS refresh_tokens (
    sha256 BLOB PRIMARY KEY,
    family TEXT NOT NULL REFERENCES families ON DELETE CASCADE,
    spent INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS refresh_tokens_by_family ON refresh_tokens (family);
CREATE TABLE IF NOT EXISTS revoked_access (
    jti TEXT PRIMARY KEY,
    expires_s INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS revoked_access_by_expiry ON revoked_access (expires_s);
"""


@dataclass(frozen=True, slots=True)
class Client:
    """A registered client; ``introspects_all`` is what a resource server has."""

    client_id: str
    secret_sha256: bytes
    grants: frozenset[str]
    scopes: frozenset[str]
    introspects_all: bool = False


@dataclass(frozen=True, slots=True)
class Family:
    """One login: whose it is, what it covers, and whether its tokens still count."""

    family: str
    client_id: str
    username: str
    scope: str
    expires_s: int
    revoked: int = 0  # SQLite has no other kind of bool


def sha256(secret: str) -> bytes:
    """Return the digest under which a random secret is stored.

    A fast digest is right for secrets drawn at random, which cannot be guessed from it; passwords
    can, and go through Argon2id.
    """
    return hashlib.sha256(secret.encode()).digest()


class Store:
    """One connection to the database, to be used from the thread that opened it.

    Every query is a primary-key look-up of some microseconds, less than handing it to another
    thread would cost, so the event loop calls it directly.
    """

    def __init__(self, path: Path | Literal[":memory:"]) -> None:
        # No implicit transactions: each statement stands alone unless _writing() groups it.
        self._connection = sqlite3.connect(path, isolation_level=None, cached_statements=64)
        self._connection.execute("PRAGMA journal_mode = WAL")
        # In WAL mode NORMAL keeps the file consistent through a power cut; the last commits may
        # be lost, which here means that someone logs in again.
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute("PRAGMA foreign_keys = ON")
        self._connection.executescript(SCHEMA)

    def close(self) -> None:
        """Close the connection; nothing works afterwards."""
        self._connection.close()

    def is_seeded(self) -> bool:
        """Return whether there is a client; raises ``sqlite3.Error`` if the database is broken."""
        return self._connection.execute("SELECT 1 FROM clients LIMIT 1").fetchone() is not None

    def seed(self, clients: Iterable[Client], users: Iterable[tuple[str, str]]) -> None:
        """Add clients and users, given as name and password hash, all of them or none."""
        rows = [
            (c.client_id, c.secret_sha256, _words(c.grants), _words(c.scopes), c.introspects_all)
            for c in clients
        ]
        with self._writing() as connection:
            connection.executemany("INSERT INTO clients VALUES (?, ?, ?, ?, ?)", rows)
            connection.executemany("INSERT INTO users VALUES (?, ?)", users)

    def client(self, client_id: str) -> Client | None:
        """Return the client of that name, or None."""
        row = self._connection.execute(
            "SELECT client_id, secret_sha256, grants, scopes, introspects_all"
            " FROM clients WHERE client_id = ?",
            (client_id,),
        ).fetchone()
        if row is None:
            return None
        name, digest, grants, scopes, introspects_all = row
        return Client(
            name,
            digest,
            frozenset(grants.split()),
            frozenset(scopes.split()),
            bool(introspects_all),
        )

    def password_hash(self, username: str) -> str | None:
        """Return the PHC string of a user's password, or None for no such user."""
        row = self._connection.execute(
            "SELECT password_hash FROM users WHERE username = ?", (username,)
        ).fetchone()
        return None if row is None else str(row[0])

    def start_family(self, family: Family, token: str, now_s: int) -> None:
        """Record a login with its first refresh token, and forget logins that ended."""
        with self._writing() as connection:
            connection.execute("DELETE FROM families WHERE expires_s <= ?", (now_s,))
            connection.execute(
                "INSERT INTO families VALUES (?, ?, ?, ?, ?, 0)",
                (family.family, family.client_id, family.username, family.scope, family.expires_s),
            )
            connection.execute(_ADD_TOKEN, (sha256(token), family.family))

    def family_of(self, token: str) -> Family | None:
        """Return the family that a refresh token, spent or not, belongs to."""
        row = self._connection.execute(
            "SELECT family, client_id, username, scope, expires_s, revoked"
            " FROM refresh_tokens JOIN families USING (family) WHERE sha256 = ?",
            (sha256(token),),
        ).fetchone()
        return None if row is None else Family(*row)

    def is_spent(self, token: str) -> bool:
        """Return whether a refresh token has been exchanged for its successor."""
        row = self._connection.execute(
            "SELECT spent FROM refresh_tokens WHERE sha256 = ?", (sha256(token),)
        ).fetchone()
        return row is not None and bool(row[0])

    def rotate(self, old: str, new: str) -> bool:
        """Spend ``old`` and add ``new`` to its family; False, and no change, if already spent.

        Of several that try it at once, in any number of processes, one succeeds.
        """
        with self._writing() as connection:
            row = connection.execute(
                "UPDATE refresh_tokens SET spent = 1 WHERE sha256 = ? AND spent = 0"
                " RETURNING family",
                (sha256(old),),
            ).fetchone()
            if row is not None:
                connection.execute(_ADD_TOKEN, (sha256(new), row[0]))
        return row is not None

    def revoke_family(self, family: str) -> None:
        """End a login: none of its refresh and access tokens counts from now on."""
        self._connection.execute("UPDATE families SET revoked = 1 WHERE family = ?", (family,))

    def revoke_access(self, jti: str, expires_s: int, now_s: int) -> None:
        """End one access token, remembered until it would have expired anyway."""
        with self._writing() as connection:
            connection.execute("DELETE FROM revoked_access WHERE expires_s <= ?", (now_s,))
            connection.execute(
                "INSERT OR IGNORE INTO revoked_access VALUES (?, ?)", (jti, expires_s)
            )

    def is_revoked(self, jti: str, family: str | None) -> bool:
        """Return whether an access token was ended, by itself or with its login."""
        (revoked,) = self._connection.execute(
            "SELECT EXISTS (SELECT 1 FROM revoked_access WHERE jti = ?1) OR (?2 IS NOT NULL AND"
            " NOT EXISTS (SELECT 1 FROM families WHERE family = ?2 AND revoked = 0))",
            (jti, family),
        ).fetchone()
        return bool(revoked)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        # IMMEDIATE takes the write lock first, so no transaction fails half-way for want of it.
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")


_ADD_TOKEN = "INSERT INTO refresh_tokens VALUES (?, ?, 0)"  # noqa: S105 - a statement, no secret


def new_secret() -> str:
    """Return a new random name or token with 256 bits of entropy."""
    return secrets.token_urlsafe(32)


def _words(names: frozenset[str]) -> str:
    return " ".join(sorted(names))
