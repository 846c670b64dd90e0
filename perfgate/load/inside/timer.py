"""Wake-ups at absolute times with the kernel's timerfd, about 30 us late instead of gevent's 600.

gevent.sleep is rounded to the milliseconds of epoll (gevent issue 1071). This waits; it schedules
nothing.
"""

from __future__ import annotations

import ctypes
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import gevent
from gevent.hub import Waiter

if TYPE_CHECKING:
    from types import TracebackType

_CLOCK_MONOTONIC = 1
_TFD_NONBLOCK = os.O_NONBLOCK
_TFD_CLOEXEC = os.O_CLOEXEC
_TFD_TIMER_ABSTIME = 1
_READABLE = 1
_NS_PER_S = 1_000_000_000


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


class Timer:
    """Suspends one greenlet after the other until a moment of ``time.monotonic``."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._libc.timerfd_create(_CLOCK_MONOTONIC, _TFD_NONBLOCK | _TFD_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._hub = gevent.get_hub()
        self._spec = _Itimerspec(_Timespec(0, 0), _Timespec(0, 0))
        self._waiter: Waiter | None = None
        self._watcher = self._hub.loop.io(self._fd, _READABLE)

    def __enter__(self) -> Timer:
        # Started once: to start and stop it for every wait costs two calls of the system each.
        self._watcher.start(self._ring)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._watcher.stop()
        self._watcher.close()
        os.close(self._fd)

    def wait_until(self, moment_s: float) -> None:
        """Return at ``moment_s`` (of ``time.monotonic``), at once where that has passed."""
        if moment_s <= time.monotonic():
            return
        value = self._spec.value
        value.seconds, value.nanoseconds = divmod(int(moment_s * _NS_PER_S), _NS_PER_S)
        if self._libc.timerfd_settime(self._fd, _TFD_TIMER_ABSTIME, ctypes.byref(self._spec), None):
            raise OSError(ctypes.get_errno(), "timerfd_settime")
        self._waiter = Waiter(self._hub)
        try:
            self._waiter.get()
        finally:
            self._waiter = None

    def _ring(self) -> None:
        """Wake the greenlet that waits; called by the hub, again and again until it is read."""
        with suppress(BlockingIOError):
            os.read(self._fd, 8)
        if self._waiter is not None:
            self._waiter.switch(None)
