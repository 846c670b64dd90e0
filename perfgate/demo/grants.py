"""A client's token request passes through to the tokens it gets, one function per grant type.

HTTP and client authentication are done before.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from anyio import to_thread

from .protocol import OAuthError, granted_scope, required
from .store import Family, new_secret
from .tokens import Grant

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from anyio import CapacityLimiter

    from .passwords import Passwords
    from .settings import Settings
    from .store import Client, Store
    from .tokens import Signer


@dataclass(frozen=True, slots=True)
class Service:
    """Everything that answering a request needs."""

    settings: Settings
    store: Store
    signer: Signer
    passwords: Passwords
    hash_threads: CapacityLimiter


async def client_credentials(
    service: Service, client: Client, form: Mapping[str, str]
) -> dict[str, Any]:
    """Grant a client access in its own name, without a refresh token (RFC 6749, section 4.4)."""
    scope = granted_scope(client.scopes, form.get("scope"))
    grant = Grant(client.client_id, client.client_id, scope)
    return _token_answer(service, grant, int(time.time()), service.settings.access_lifetime_s)


async def password(service: Service, client: Client, form: Mapping[str, str]) -> dict[str, Any]:
    """Grant access in the name of a user who gives a password (RFC 6749, section 4.3)."""
    username = required(form, "username")
    attempt = required(form, "password")
    scope = granted_scope(client.scopes, form.get("scope"))
    # Argon2 takes tens of milliseconds without the interpreter lock: in a thread of its own it
    # leaves the event loop to all other requests.
    is_right = await to_thread.run_sync(
        service.passwords.matches,
        service.store.password_hash(username),
        attempt,
        limiter=service.hash_threads,
    )
    if not is_right:
        raise OAuthError("invalid_grant", "wrong user name or password")
    now_s = int(time.time())
    expires_s = now_s + service.settings.refresh_lifetime_s
    family = Family(new_secret(), client.client_id, username, scope, expires_s)
    token = new_secret()
    service.store.start_family(family, token, now_s)
    return _family_answer(service, family, scope, token, now_s)


async def refresh_token(
    service: Service, client: Client, form: Mapping[str, str]
) -> dict[str, Any]:
    """Exchange a refresh token for new tokens (RFC 6749, section 6), each one only once.

    A token that comes a second time was stolen, from the client or by it: its whole family is
    revoked (RFC 9700, section 4.14.2).
    """
    old = required(form, "refresh_token")
    now_s = int(time.time())
    family = service.store.family_of(old)
    if family is None or family.client_id != client.client_id or not is_live(family, now_s):
        raise OAuthError("invalid_grant", "the refresh token is not valid")
    scope = granted_scope(frozenset(family.scope.split()), form.get("scope"))
    token = new_secret()
    if not service.store.rotate(old, token):
        service.store.revoke_family(family.family)
        raise OAuthError("invalid_grant", "the refresh token is not valid")
    return _family_answer(service, family, scope, token, now_s)


GRANTS: dict[str, Callable[[Service, Client, Mapping[str, str]], Awaitable[dict[str, Any]]]] = {
    "client_credentials": client_credentials,
    "password": password,
    "refresh_token": refresh_token,
}


def is_live(family: Family, now_s: int) -> bool:
    """Return whether a login still counts at ``now_s``."""
    return not family.revoked and family.expires_s > now_s


def _family_answer(
    service: Service, family: Family, scope: str, token: str, now_s: int
) -> dict[str, Any]:
    grant = Grant(family.client_id, family.username, scope, family.family)
    # No access token outlives its login, so the store may forget a login when it ends.
    lifetime_s = min(service.settings.access_lifetime_s, family.expires_s - now_s)
    return {**_token_answer(service, grant, now_s, lifetime_s), "refresh_token": token}


def _token_answer(service: Service, grant: Grant, now_s: int, lifetime_s: int) -> dict[str, Any]:
    return {
        "access_token": service.signer.issue(grant, now_s, lifetime_s),
        "token_type": "Bearer",
        "expires_in": lifetime_s,
        "scope": grant.scope,
    }
