"""Requests to stop perfgate pass through, late: they wait until what must not be cut short is done.

It installs no lasting handlers and decides nothing about how perfgate ends.
"""

from __future__ import annotations

import signal
import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_REQUESTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def deferred_interrupts() -> Iterator[list[int]]:
    """Hold back SIGINT, SIGTERM and SIGHUP until the end of the block, then let the first act.

    Yields the list of those that have arrived, which grows: a block that waits for something may
    look there and hurry. Ignored signals stay ignored. Outside the main thread this does nothing,
    as Python runs signal handlers in the main thread only.
    """
    arrived: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield arrived
        return
    with ExitStack() as stack:
        stack.callback(_act_on, arrived)
        # Handlers are replaced, signals not blocked: a blocked signal goes to the next thread, and
        # Python would run its handler in this one all the same.
        for number in _REQUESTS:
            action = signal.getsignal(number)
            # None is a handler that was not installed from Python and could not be put back.
            if action not in {signal.SIG_IGN, None}:
                stack.callback(signal.signal, number, action)
                signal.signal(number, lambda came, _frame: arrived.append(came))
        yield arrived


def _act_on(arrived: list[int]) -> None:
    if arrived:
        signal.raise_signal(arrived[0])
