"""A build's processes stand still for a while: stopped and continued by signals.

When that is to be is the driver's business.
"""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from perfgate.load.inside.conductor import meters_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from perfgate.load.plan import Host


@contextmanager
def standstill(host: Host) -> Iterator[None]:
    """Stop all processes of the build for as long as the block lasts."""
    with meters_of([host])[host.build] as meter:
        meter.rescan()
        pids = meter.pids
    try:
        _signal(pids, signal.SIGSTOP)
        yield
    finally:
        _signal(pids, signal.SIGCONT)


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
