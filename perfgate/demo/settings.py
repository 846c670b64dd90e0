"""The settings of the service as frozen values, each with its default in its one home: the field.

Reading options and the environment is the work of the command, ``__main__``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """How one instance of the service behaves; times are whole seconds, as in RFC 6749."""

    access_lifetime_s: int = field(
        default=3600, metadata={"help": "lifetime of an access token in seconds"}
    )
    refresh_lifetime_s: int = field(
        default=14 * 86400,
        metadata={"help": "seconds from login after which no token of that login is valid"},
    )
    users: int = field(default=200, metadata={"help": "users seeded into a new database"})
    # Memory is the price of Argon2: 2 threads at 19 MiB each bound it, and more threads would
    # only take the core away from the requests that need no password.
    hash_threads: int = field(
        default=2, metadata={"help": "passwords verified at the same time, 19 MiB each"}
    )
    backend_slots: int = field(
        default=0, metadata={"help": "requests that a back end takes at a time; 0: there is none"}
    )
    backend_ms: int = field(
        default=20, metadata={"help": "milliseconds that the back end takes for a request"}
    )
    backend_queue: int = field(
        default=0,
        metadata={"help": "requests that may wait for the back end, others are refused; 0: all"},
    )
    backend_patience_ms: int = field(
        default=0,
        metadata={"help": "milliseconds after which a request need not wait any more; 0: never"},
    )
    # A fixed name rather than the address: tokens stay valid when the port changes.
    issuer: str = field(
        default="https://auth.demo.invalid", metadata={"help": "issuer named in access tokens"}
    )


def database_path(directory: Path) -> Path:
    """Return where the database of a service with this directory lies."""
    return directory / "auth.sqlite3"


def key_path(directory: Path) -> Path:
    """Return where the private signing key of a service with this directory lies."""
    return directory / "signing-key.jwk.json"
