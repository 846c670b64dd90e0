"""Requests pass through to checked parameters and an authenticated client, errors to answers.

What is granted to whom is not decided here.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from .store import sha256

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from .store import Client, Store

FORM_TYPE = "application/x-www-form-urlencoded"
CHALLENGE = {"WWW-Authenticate": 'Basic realm="auth", charset="UTF-8"'}
# RFC 6749, section 5.1, and the same for RFC 7662, section 4: nobody may keep these answers.
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}

MAX_PARAMETERS = 16
MAX_PARAMETER_BYTES = 8192


class OAuthError(Exception):
    """An error answer of RFC 6749, section 5.2: its code, and words for a developer."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(code)
        self.code = code
        self.description = description


def answer(content: Mapping[str, object], status: int = 200) -> Response:
    """Return a JSON answer that nobody may keep."""
    return JSONResponse(content, status_code=status, headers=NO_STORE)


async def error_answer(_request: Request, error: Exception) -> Response:
    """Return the answer for an :class:`OAuthError`: 401 and a challenge for a bad client."""
    if not isinstance(error, OAuthError):
        raise error
    content = {"error": error.code, "error_description": error.description}
    if error.code != "invalid_client":
        return JSONResponse(content, status_code=400, headers=NO_STORE)
    return JSONResponse(content, status_code=401, headers={**NO_STORE, **CHALLENGE})


async def read_form(request: Request) -> dict[str, str]:
    """Return the parameters of a form-encoded body; those without a value count as absent.

    Raises :class:`OAuthError` for any other kind of body, for too many or too long parameters and
    for one that is given twice (RFC 6749, section 3.2).
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != FORM_TYPE:
        raise OAuthError("invalid_request", f"the body must be {FORM_TYPE}")
    try:
        form = await request.form(max_fields=MAX_PARAMETERS, max_part_size=MAX_PARAMETER_BYTES)
    except HTTPException as error:
        raise OAuthError("invalid_request", "the body has too many or too long parts") from error
    pairs = form.multi_items()
    if len(dict(pairs)) < len(pairs):
        raise OAuthError("invalid_request", "a parameter is given more than once")
    return {name: value for name, value in pairs if isinstance(value, str) and value}


def required(form: Mapping[str, str], name: str) -> str:
    """Return the parameter ``name``; raises :class:`OAuthError` if it is missing."""
    try:
        return form[name]
    except KeyError:
        raise OAuthError("invalid_request", f"the parameter {name} is missing") from None


def authenticate(store: Store, request: Request, form: Mapping[str, str]) -> Client:
    """Return the client that sent this request (RFC 6749, section 2.3.1).

    Its name and secret come by HTTP Basic or in the body, and not by both. Raises
    :class:`OAuthError` ``invalid_client`` when they are missing or wrong.
    """
    client_id, secret = _credentials(request, form)
    client = store.client(client_id)
    expected = b"" if client is None else client.secret_sha256
    if not hmac.compare_digest(sha256(secret), expected) or client is None:
        raise OAuthError("invalid_client", "unknown client or wrong secret")
    return client


def _credentials(request: Request, form: Mapping[str, str]) -> tuple[str, str]:
    header = request.headers.get("authorization")
    if header is None:
        if "client_id" in form and "client_secret" in form:
            return form["client_id"], form["client_secret"]
        raise OAuthError("invalid_client", "client authentication is missing")
    if "client_secret" in form:
        raise OAuthError("invalid_request", "the client authenticates in two ways at once")
    name, secret = _basic(header)
    if form.get("client_id", name) != name:
        raise OAuthError("invalid_request", "the body names another client than the header")
    return name, secret


def _basic(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise OAuthError("invalid_client", "clients authenticate by HTTP Basic")
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise OAuthError("invalid_client", "the Basic credentials cannot be read") from error
    name, _, secret = decoded.partition(":")
    # RFC 6749 has both form-encoded before they are joined, so that a colon can be part of them.
    return unquote_plus(name), unquote_plus(secret)


def granted_scope(allowed: frozenset[str], asked: str | None) -> str:
    """Return the scope to grant: what was asked for, or all that is allowed (section 3.3).

    Raises :class:`OAuthError` ``invalid_scope`` when more than ``allowed`` is asked for.
    """
    wanted = allowed if asked is None else frozenset(asked.split())
    if not wanted or not wanted <= allowed:
        raise OAuthError("invalid_scope", "the scope asked for cannot be granted")
    return " ".join(sorted(wanted))
