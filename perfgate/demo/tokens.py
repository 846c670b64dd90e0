"""Claims pass through to signed access tokens (RFC 9068) and back.

Whether a well-signed token has been revoked is not known here: the store knows.
"""

from __future__ import annotations

import json
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from joserfc.jwt import JWTClaimsRegistry

if TYPE_CHECKING:
    from joserfc.jwk import KeySetSerialization
    from joserfc.jwt import ClaimsOption

# ES256 rather than RS256: a P-256 key is made in no time at first start (RSA-2048 takes a random
# fraction of a second), signing costs a quarter, and the tokens are half as long. RS256 verifies
# twice as fast, which does not outweigh the three.
ALGORITHM = "ES256"
TOKEN_TYPE = "at+jwt"  # noqa: S105 - the media type of RFC 9068, section 2.1, not a secret
_ESSENTIAL: ClaimsOption = {"essential": True}


@dataclass(frozen=True, slots=True)
class Grant:
    """What an access token stands for; ``family`` is None where no user logged in."""

    client_id: str
    subject: str
    scope: str
    family: str | None = None


def load_key(path: Path) -> ECKey:
    """Return the private key kept at ``path``; a new one is made there when the file is missing.

    Raises ``ValueError`` or joserfc's errors when the file holds something else.
    """
    if not path.exists():
        _write_key(path, ECKey.generate_key("P-256", auto_kid=True))
    return ECKey.import_key(json.loads(path.read_text("ascii")))


def _write_key(path: Path, key: ECKey) -> None:
    # A temporary file is private to its owner, and renaming it leaves no half-written key behind.
    with tempfile.NamedTemporaryFile(
        "w", encoding="ascii", dir=path.parent, prefix=path.name, delete=False
    ) as partial:
        json.dump(key.as_dict(private=True), partial)
    Path(partial.name).replace(path)


class Signer:
    """Issues and verifies the access tokens of one issuer under one key."""

    def __init__(self, key: ECKey, issuer: str) -> None:
        self._key = key
        self._issuer = issuer
        self._header = {"alg": ALGORITHM, "typ": TOKEN_TYPE, "kid": key.kid}
        self._rules = JWTClaimsRegistry(
            iss={"essential": True, "value": issuer},
            exp=_ESSENTIAL,
            sub=_ESSENTIAL,
            client_id=_ESSENTIAL,
            jti=_ESSENTIAL,
        )

    def issue(self, grant: Grant, now_s: int, lifetime_s: int) -> str:
        """Return a signed access token for ``grant``, valid for ``lifetime_s`` from ``now_s``."""
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "aud": self._issuer,
            "sub": grant.subject,
            "client_id": grant.client_id,
            "scope": grant.scope,
            "iat": now_s,
            "exp": now_s + lifetime_s,
            "jti": secrets.token_urlsafe(16),
        }
        if grant.family is not None:
            claims["family"] = grant.family
        return jwt.encode(self._header, claims, self._key)

    def claims(self, token: str) -> dict[str, Any] | None:
        """Return the claims of an access token that is ours and not expired, else None."""
        try:
            found = jwt.decode(token, self._key, algorithms=[ALGORITHM])
            self._rules.validate(found.claims)
        except (JoseError, ValueError):
            return None
        # RFC 9068, section 4: other kinds of token under the same key are not access tokens.
        return found.claims if found.header.get("typ") == TOKEN_TYPE else None

    def jwks(self) -> KeySetSerialization:
        """Return the public key as a JWK set (RFC 7517, section 5)."""
        public = self._key.as_dict(private=False, use="sig", alg=ALGORITHM)
        return {"keys": [public]}
