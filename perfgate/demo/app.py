"""HTTP requests pass through to their answers: the five routes of the service.

The rules of OAuth live in ``grants`` and ``protocol``, state in ``store``.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from anyio import CapacityLimiter
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import JSONResponse
from starlette.routing import Route

from .backend import Backend
from .grants import GRANTS, Service, is_live
from .passwords import Passwords
from .protocol import OAuthError, answer, authenticate, error_answer, read_form, required
from .seed import seed
from .settings import Settings, database_path, key_path
from .store import Store
from .tokens import Signer, load_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

    from .store import Client


async def token(request: Request) -> Response:
    """Give a client its tokens (RFC 6749, section 3.2)."""
    form = await read_form(request)
    service = _service(request)
    client = authenticate(service.store, request, form)
    grant_type = required(form, "grant_type")
    if grant_type not in GRANTS:
        raise OAuthError("unsupported_grant_type", "no such grant type")
    if grant_type not in client.grants:
        raise OAuthError("unauthorized_client", "the client may not use this grant type")
    return answer(await GRANTS[grant_type](service, client, form))


async def introspect(request: Request) -> Response:
    """Say whether a token is active and, if so, whose it is (RFC 7662, section 2)."""
    asked = await read_form(request)
    service = _service(request)
    client = authenticate(service.store, request, asked)
    claims = _active_claims(service, required(asked, "token"))
    if claims is None or not _may_see(client, claims):
        return answer({"active": False})
    return answer({"active": True, **claims})


async def revoke(request: Request) -> Response:
    """End a token; one that is unknown is as good as ended (RFC 7009, section 2)."""
    form = await read_form(request)
    service = _service(request)
    client = authenticate(service.store, request, form)
    ended = required(form, "token")
    claims = service.signer.claims(ended)
    family = service.store.family_of(ended) if claims is None else None
    owner = claims["client_id"] if claims else family.client_id if family else client.client_id
    if owner != client.client_id:
        raise OAuthError("invalid_grant", "the token belongs to another client")
    if claims is not None:
        service.store.revoke_access(claims["jti"], claims["exp"], int(time.time()))
    if family is not None:
        service.store.revoke_family(family.family)
    return answer({})


async def jwks(request: Request) -> Response:
    """Publish the key that verifies access tokens (RFC 7517)."""
    return JSONResponse(
        _service(request).signer.jwks(),
        media_type="application/jwk-set+json",
        headers={"Cache-Control": "public, max-age=300"},
    )


async def healthz(request: Request) -> Response:
    """Say whether requests can be served: the keys are loaded and the database answers."""
    try:
        is_ready = _service(request).store.is_seeded()
    except sqlite3.Error:
        is_ready = False
    return answer({"ready": is_ready}, 200 if is_ready else 503)


def create_app(directory: Path, settings: Settings | None = None) -> Starlette:
    """Return the service that keeps its state in ``directory``, an existing directory.

    Database and key are opened, or made, when the application starts up.
    """
    own = settings or Settings()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.service = _open_service(directory, own)
        try:
            yield
        finally:
            app.state.service.store.close()

    return Starlette(
        routes=[
            Route("/token", token, methods=["POST"]),
            Route("/introspect", introspect, methods=["POST"]),
            Route("/revoke", revoke, methods=["POST"]),
            Route("/jwks", jwks),
            Route("/healthz", healthz),
        ],
        exception_handlers={OAuthError: error_answer},
        middleware=[Middleware(Backend, settings=own)] if own.backend_slots else [],
        lifespan=lifespan,
    )


def _open_service(directory: Path, settings: Settings) -> Service:
    passwords = Passwords()
    store = Store(database_path(directory))
    if not store.is_seeded():
        seed(store, passwords, settings.users)
    signer = Signer(load_key(key_path(directory)), settings.issuer)
    return Service(settings, store, signer, passwords, CapacityLimiter(settings.hash_threads))


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def _active_claims(service: Service, presented: str) -> dict[str, Any] | None:
    """Return what there is to say about an access or refresh token that counts, else None."""
    claims = service.signer.claims(presented)
    if claims is None:
        return _refresh_claims(service, presented)
    family = claims.pop("family", None)
    if service.store.is_revoked(claims["jti"], family):
        return None
    named = {} if family is None else {"username": claims["sub"]}
    return {**claims, **named, "token_type": "Bearer"}


def _refresh_claims(service: Service, presented: str) -> dict[str, Any] | None:
    family = service.store.family_of(presented)
    if family is None or not is_live(family, int(time.time())):
        return None
    if service.store.is_spent(presented):
        return None
    return {
        "iss": service.settings.issuer,
        "sub": family.username,
        "username": family.username,
        "client_id": family.client_id,
        "scope": family.scope,
        "exp": family.expires_s,
    }


def _may_see(client: Client, claims: dict[str, Any]) -> bool:
    # RFC 7662, section 2.2: to anyone who may not ask, a token looks inactive.
    return client.introspects_all or claims["client_id"] == client.client_id
