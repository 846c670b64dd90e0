"""Messages between workers and their master pass through, sealed with the run's key, or refused.

Locust's own channel has no authentication: whoever reaches the port may send what it likes.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import msgpack


class Seal:
    """Closes and opens messages with a key that only the run's own processes know.

    What a message is for is sealed with it, so that none can be sent back as another kind.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def close(self, kind: str, content: dict[str, Any]) -> dict[str, bytes]:
        """Return the message to be sent: its body, and the HMAC-SHA256 of kind and body."""
        body: bytes = msgpack.packb(content)
        return {"body": body, "mac": self._mac(kind, body)}

    def open(self, kind: str, message: object) -> dict[str, Any] | None:
        """Return what was sealed, or None for anything that was not sealed as this kind."""
        if not isinstance(message, dict):
            return None
        body, mac = message.get("body"), message.get("mac")
        if not isinstance(body, bytes) or not isinstance(mac, bytes):
            return None
        if not hmac.compare_digest(mac, self._mac(kind, body)):
            return None
        content: dict[str, Any] = msgpack.unpackb(body)
        return content

    def _mac(self, kind: str, body: bytes) -> bytes:
        return hmac.digest(self._key, kind.encode() + b"\0" + body, hashlib.sha256)
