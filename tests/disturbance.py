"""A test under load that failed while the hypervisor took the CPU away is told so, and made again.

What it saw was the machine, not what its law is about: perfgate sets such runs aside as well. A law
that does not hold fails on a machine that is left alone, and there nothing is made again.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from perfgate.procfs import read_contention

if TYPE_CHECKING:
    from collections.abc import Callable

    from perfgate.procfs import Contention

# So much of a CPU, over the whole of a test, is several times what it is in an ordinary hour.
DISTURBED_RATIO = 0.05
MADE_AGAIN = 2


class Disturbance:
    """How much of a CPU the hypervisor has taken since a test began."""

    def __init__(self, contention: Callable[[], Contention] = read_contention) -> None:
        self._contention = contention
        self._name, self._stolen_s, self._begun_s = "", 0.0, time.monotonic()
        self._told: list[str] = []

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Have tests under load made again where the hypervisor disturbed them."""
        again = pytest.mark.flaky(reruns=MADE_AGAIN, condition=self.is_disturbed)
        for item in items:
            if item.get_closest_marker("slow") or item.get_closest_marker("nightly"):
                item.add_marker(again)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Begin to count."""
        self._name = item.nodeid
        self._stolen_s, self._begun_s = self._contention().steal_s or 0.0, time.monotonic()

    def is_disturbed(self) -> bool:
        """Tell whether the test that has just failed was disturbed, and remember it."""
        stolen_s = (self._contention().steal_s or 0.0) - self._stolen_s
        ratio = stolen_s / max(time.monotonic() - self._begun_s, 1e-9)
        if ratio > DISTURBED_RATIO:
            self._told.append(f"{self._name} failed while the hypervisor took {ratio:.0%} of a CPU")
        return ratio > DISTURBED_RATIO

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say which tests were disturbed."""
        for line in self._told:
            terminalreporter.write_line(line)
