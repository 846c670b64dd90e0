"""Passwords pass through to Argon2id and come back as hashes or as yes and no.

Storing hashes and staying off the event loop are the callers' work.
"""

from __future__ import annotations

import secrets

from argon2 import PasswordHasher, Type
from argon2.exceptions import VerifyMismatchError

# The OWASP Password Storage Cheat Sheet's first minimum for Argon2id.
MEMORY_KIB = 19456
ITERATIONS = 2
LANES = 1


class Passwords:
    """Hashes passwords and verifies them in the same time whether or not the user exists."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(
            time_cost=ITERATIONS, memory_cost=MEMORY_KIB, parallelism=LANES, type=Type.ID
        )
        # Nobody knows this password, so verifying against its hash always fails, slowly.
        self._nobody = self._hasher.hash(secrets.token_urlsafe(32))

    def hashed(self, password: str) -> str:
        """Return the PHC string of ``password`` under a fresh salt."""
        return self._hasher.hash(password)

    def matches(self, known: str | None, password: str) -> bool:
        """Return whether ``password`` is the one behind the PHC string ``known``.

        ``known`` is None for a user that does not exist: the answer is no, after the same work.
        Blocks for tens of milliseconds with the interpreter lock released.
        Raises argon2's ``InvalidHashError`` when ``known`` is no PHC string.
        """
        try:
            self._hasher.verify(known or self._nobody, password)
        except VerifyMismatchError:
            return False
        return known is not None
