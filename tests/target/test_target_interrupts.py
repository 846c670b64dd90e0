"""Interrupts held back: they arrive late, once, and as what they were."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from perfgate.target.interrupts import deferred_interrupts

if TYPE_CHECKING:
    from types import FrameType


class Asked(Exception):  # noqa: N818  # it stands for a request, as KeyboardInterrupt does
    """What the command line's SIGTERM handler raises."""


def _raise(_number: int, _frame: FrameType | None) -> None:
    raise Asked


def test_an_interrupt_acts_after_the_block() -> None:
    """Law: the block runs to its end, then KeyboardInterrupt comes."""
    steps = []

    def block() -> None:
        with deferred_interrupts():
            signal.raise_signal(signal.SIGINT)
            steps.append("ended")

    with pytest.raises(KeyboardInterrupt):
        block()
    assert steps == ["ended"]


def test_the_block_sees_what_has_arrived() -> None:
    """Law: a block that waits can tell that it should hurry."""
    seen = []

    def block() -> None:
        with deferred_interrupts() as arrived:
            seen.append(list(arrived))
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
            seen.append(list(arrived))

    with pytest.raises(KeyboardInterrupt):
        block()
    assert seen == [[], [signal.SIGINT, signal.SIGINT]]


def test_handlers_are_as_before() -> None:
    """Law: whatever handled a signal before handles it afterwards, even after an interrupt."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]

    with deferred_interrupts():
        pass
    with pytest.raises(KeyboardInterrupt), deferred_interrupts():
        signal.raise_signal(signal.SIGINT)

    assert [signal.getsignal(number) for number in numbers] == before


def test_the_handler_of_sigterm_is_asked_late() -> None:
    """Law: a handler that was installed by others is the one that runs, after the block."""
    before = signal.signal(signal.SIGTERM, _raise)
    try:
        with pytest.raises(Asked), deferred_interrupts():
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)


def test_ignored_signals_stay_ignored() -> None:
    """Law: what the user has switched off (nohup) does not shorten anything."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with deferred_interrupts() as arrived:
            signal.raise_signal(signal.SIGHUP)
        assert arrived == []
    finally:
        signal.signal(signal.SIGHUP, before)


def test_an_error_of_the_block_comes_through() -> None:
    """Law: without an interrupt the block's own exception is what is seen."""
    with pytest.raises(ValueError, match="own"), deferred_interrupts():
        raise ValueError("own")


def test_an_interrupt_during_an_error_keeps_the_error_as_its_context() -> None:
    """Law: an error is not lost when an interrupt comes on top of it."""

    def block() -> None:
        with deferred_interrupts():
            signal.raise_signal(signal.SIGINT)
            raise ValueError("own")

    with pytest.raises(KeyboardInterrupt) as caught:
        block()
    assert isinstance(caught.value.__context__, ValueError)


def test_blocks_may_nest() -> None:
    """Law: the interrupt waits for the end of the outermost block."""
    steps = []

    def block() -> None:
        with deferred_interrupts():
            with deferred_interrupts():
                signal.raise_signal(signal.SIGINT)
                steps.append("inner")
            steps.append("outer")

    with pytest.raises(KeyboardInterrupt):
        block()
    assert steps == ["inner", "outer"]


def test_other_threads_are_left_alone() -> None:
    """Law: outside the main thread the block runs as if it were bare."""
    outcome: list[list[int]] = []

    def work() -> None:
        with deferred_interrupts() as arrived:
            outcome.append(arrived)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert outcome == [[]]
