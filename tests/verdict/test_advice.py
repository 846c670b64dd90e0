"""Advice that fits the machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from builders import environment

from perfgate.verdict.advice import less_to_do, more_senders

if TYPE_CHECKING:
    from perfgate.measurement.models import Environment

SHARED = environment(cpus=1, target_cpus=(0,), generator_cpus=(0,))
TWO = environment()
FOUR = environment(cpus=4, generator_cpus=(1, 2, 3))


@pytest.mark.parametrize(("machine", "told"), [(SHARED, True), (TWO, False), (FOUR, False)])
def test_a_second_cpu_is_for_machines_with_one(machine: Environment, *, told: bool) -> None:
    """Law: nobody is advised to take a second CPU where there is one already."""
    assert ("a second CPU" in less_to_do(machine)) is told


@pytest.mark.parametrize(("machine", "most"), [(SHARED, 0), (TWO, 1), (FOUR, 3)])
def test_no_more_processes_than_cpus_are_advised(machine: Environment, most: int) -> None:
    """Law: processes are advised as many as have a CPU each, where that is more than there are."""
    for senders in range(1, 5):
        told = more_senders(machine, senders)
        assert (f"`workers = {most}`" in told) is (senders < most)
        assert ("`expect_workers`" in told) is (senders >= most)
