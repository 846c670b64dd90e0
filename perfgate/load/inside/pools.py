"""Whether a connection that has been idle can be used again, asked of the kernel without yielding.

FastHttpUser's pool asks through gevent, which lets everybody else go first, after the request's
clock has started, and knows only 1024 files: connections from then on would never be kept.
"""

from __future__ import annotations

import select
from typing import TYPE_CHECKING, Any

from gevent.monkey import get_original
from geventhttpclient.connectionpool import ConnectionPool

if TYPE_CHECKING:
    from collections.abc import Callable

# gevent's own poll yields.
_poll: Callable[[], select.poll] = get_original("select", "poll")


def keep_connections() -> None:
    """Let FastHttpUser's pools ask in this way from now on."""
    ConnectionPool._is_socket_alive = _is_alive  # type: ignore[method-assign]


def is_quiet(sock: Any) -> bool:
    """Return whether an idle connection is open and has nothing to read.

    What comes without a request is the end of the connection, or no answer to the next one.
    """
    poll = _poll()
    try:
        poll.register(sock, select.POLLIN)
    except ValueError:  # closed on this side
        return False
    return not poll.poll(0)


def _is_alive(self: ConnectionPool, sock: Any | None) -> bool:  # noqa: ARG001 - a method's
    return sock is not None and is_quiet(sock)
