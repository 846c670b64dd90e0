"""Calls at absolute times with the kernel's timerfd, about 30 us late instead of gevent's 600.

gevent.sleep is rounded to the milliseconds of epoll (gevent issue 1071). This waits; it schedules
nothing.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time
from typing import TYPE_CHECKING, TypeVar

import gevent
from gevent.hub import Waiter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

T = TypeVar("T")

_CLOCK_MONOTONIC = 1
_TFD_NONBLOCK = os.O_NONBLOCK
_TFD_CLOEXEC = os.O_CLOEXEC
_TFD_TIMER_ABSTIME = 1
_READABLE = 1
_NS_PER_S = 1_000_000_000


def sleep_until(moment_s: float) -> None:
    """Let others work until a moment of ``time.monotonic``."""
    gevent.sleep(max(0.0, moment_s - time.monotonic()))


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


class Timer:
    """Calls a function at moments of ``time.monotonic``, in the hub: it must not wait itself."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._libc.timerfd_create(_CLOCK_MONOTONIC, _TFD_NONBLOCK | _TFD_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._spec = _Itimerspec(_Timespec(0, 0), _Timespec(0, 0))
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

    def call_each(self, due: Iterable[tuple[float, T]], act: Callable[[T], None]) -> None:
        """Call ``act`` with each item at its moment, at once where that has passed.

        Moments ascend. Returns after the last call; what ``act`` raises ends it.
        """
        items = iter(due)
        coming = next(items, None)
        ended = Waiter()

        def ring() -> None:
            # The watcher stays started, for to start and stop it costs two calls of the system;
            # to set the timer anew is also to have read it.
            nonlocal coming
            try:
                while coming is not None and coming[0] <= time.monotonic():
                    act(coming[1])
                    coming = next(items, None)
                if coming is not None:
                    self._set(coming[0])
                    return
            except Exception:  # the hub would only print it
                self._watcher.stop()
                ended.throw(*sys.exc_info())
                return
            self._watcher.stop()
            ended.switch(None)

        if coming is None:
            return
        self._set(coming[0])
        self._watcher.start(ring)
        try:
            ended.get()
        finally:
            self._watcher.stop()

    def _set(self, moment_s: float) -> None:
        value = self._spec.value
        value.seconds, value.nanoseconds = divmod(max(int(moment_s * _NS_PER_S), 1), _NS_PER_S)
        if self._libc.timerfd_settime(self._fd, _TFD_TIMER_ABSTIME, ctypes.byref(self._spec), None):
            raise OSError(ctypes.get_errno(), "timerfd_settime")
