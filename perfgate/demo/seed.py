"""The clients and users of a new database, whose credentials everyone may know.

Nothing else in the package relies on them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .store import Client, sha256

if TYPE_CHECKING:
    from .passwords import Passwords
    from .store import Store

WEB_CLIENT = "web-app"
MOBILE_CLIENT = "mobile-app"
RESOURCE_SERVER = "gateway"
MACHINE_CLIENTS = ("billing", "catalogue", "mailer")

# Hashing a password for each of 200 users would take seconds at every first start. A few
# passwords shared by all, each hashed once, cost a login exactly the same.
DISTINCT_PASSWORDS = 4


def client_secret(client_id: str) -> str:
    """Return the secret of a seeded client: ``billing`` has ``billing-secret``."""
    return f"{client_id}-secret"


def username(number: int) -> str:
    """Return the name of a seeded user, counted from 0: ``user-007``."""
    return f"user-{number:03d}"


def password(number: int) -> str:
    """Return the password of a seeded user, counted from 0: user 7 has ``open-sesame-3``."""
    return f"open-sesame-{number % DISTINCT_PASSWORDS}"


def seed(store: Store, passwords: Passwords, users: int) -> None:
    """Fill a new database with the clients and with ``users`` users."""
    hashes = [passwords.hashed(password(n)) for n in range(min(users, DISTINCT_PASSWORDS))]
    store.seed(
        seeded_clients(),
        [(username(n), hashes[n % DISTINCT_PASSWORDS]) for n in range(users)],
    )


def seeded_clients() -> list[Client]:
    """Return the clients of a shop: its applications, a resource server and some machines."""
    scopes = "profile orders:read orders:write"
    return [
        *(_client(n, "password refresh_token", scopes) for n in (WEB_CLIENT, MOBILE_CLIENT)),
        *(_client(n, "client_credentials", "read write") for n in MACHINE_CLIENTS),
        _client(RESOURCE_SERVER, "", "", introspects_all=True),
    ]


def _client(name: str, grants: str, scopes: str, *, introspects_all: bool = False) -> Client:
    return Client(
        client_id=name,
        secret_sha256=sha256(client_secret(name)),
        grants=frozenset(grants.split()),
        scopes=frozenset(scopes.split()),
        introspects_all=introspects_all,
    )
