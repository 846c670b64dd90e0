"""A test under load that failed while the hypervisor took the CPU away is told so, and made again.

What it saw was the machine, not what its law is about: perfgate sets such runs aside as well. A law
that does not hold fails on a machine that is left alone, and there nothing is made again. What
several tests look at, a module's fixture, is made once and stays: their failures count.
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
    """Knows how much of a CPU the hypervisor has taken since a test began."""

    def __init__(self, contention: Callable[[], Contention] = read_contention) -> None:
        self._contention = contention
        self._stolen_s, self._begun_s, self._ratio = 0.0, time.monotonic(), 0.0
        self._told: list[str] = []

    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Have tests under load made again where the hypervisor disturbed them."""
        if config.getoption("usepdb"):
            return  # who looks into a failure wants that one
        again = pytest.mark.flaky(reruns=MADE_AGAIN, condition=self.is_disturbed)
        for item in items:
            if item.get_closest_marker("slow") or item.get_closest_marker("nightly"):
                item.add_marker(again)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        """Begin to count."""
        self._stolen_s, self._begun_s = self._contention().steal_s or 0.0, time.monotonic()

    def is_disturbed(self) -> bool:
        """Tell whether the test that has just been made was disturbed."""
        stolen_s = (self._contention().steal_s or 0.0) - self._stolen_s
        self._ratio = stolen_s / max(time.monotonic() - self._begun_s, 1e-9)
        return self._ratio > DISTURBED_RATIO

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember what is made again, and why."""
        if str(report.outcome) == "rerun":  # a word of the plugin, unknown to pytest
            because = f"it failed while the hypervisor took {self._ratio:.0%} of a CPU"
            self._told.append(f"made again: {report.nodeid}, for {because}")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say which tests were made again."""
        for line in self._told:
            terminalreporter.write_line(line)
