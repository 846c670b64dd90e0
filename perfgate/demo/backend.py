"""A back end behind every request: so many at a time, in order, each for a fixed time.

It stands for a directory, a database or a key store elsewhere: waiting for it takes no CPU time.
"""

from __future__ import annotations

import time
from asyncio import Semaphore, sleep
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from .settings import Settings

FREE_PATHS = ("/healthz", "/jwks")


class Backend:
    """The service with its back end in front.

    A request that finds ``backend_queue`` others waiting is refused at once, one that has waited
    for longer than ``backend_patience_ms`` is not served any more; with 0 there is no such limit.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app, self._settings = app, settings
        self._slots = Semaphore(settings.backend_slots)
        self._waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request once the back end has answered."""
        app = self._app
        if scope["type"] == "http" and scope["path"] not in FREE_PATHS and not await self._asked():
            app = Response(status_code=HTTPStatus.SERVICE_UNAVAILABLE)
        await app(scope, receive, send)

    async def _asked(self) -> bool:
        """Ask the back end; return whether it has answered."""
        settings, begun_s = self._settings, time.monotonic()
        if settings.backend_queue and self._waiting >= settings.backend_queue:
            return False
        self._waiting += 1
        async with self._slots:
            self._waiting -= 1
            waited_ms = 1000 * (time.monotonic() - begun_s)
            if settings.backend_patience_ms and waited_ms > settings.backend_patience_ms:
                return False
            await sleep(settings.backend_ms / 1000)
        return True
