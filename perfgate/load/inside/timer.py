"""Wake-ups at absolute times with the kernel's timerfd, about 30 us late instead of gevent's 600.

gevent.sleep is rounded to the milliseconds of epoll (gevent issue 1071). This waits; it schedules
nothing.
"""

from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING

import gevent

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
    """Suspends the calling greenlet until a moment of ``time.monotonic``."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._libc.timerfd_create(_CLOCK_MONOTONIC, _TFD_NONBLOCK | _TFD_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._watcher = gevent.get_hub().loop.io(self._fd, _READABLE)

    def __enter__(self) -> Timer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._watcher.close()
        os.close(self._fd)

    def wait_until(self, moment_s: float) -> None:
        """Return at ``moment_s`` (of ``time.monotonic``), at once where that has passed."""
        moment_ns = max(int(moment_s * _NS_PER_S), 1)
        value = _Timespec(*divmod(moment_ns, _NS_PER_S))
        spec = _Itimerspec(_Timespec(0, 0), value)
        if self._libc.timerfd_settime(self._fd, _TFD_TIMER_ABSTIME, ctypes.byref(spec), None):
            raise OSError(ctypes.get_errno(), "timerfd_settime")
        gevent.get_hub().wait(self._watcher)
        os.read(self._fd, 8)
