"""What a machine has too little of becomes advice that fits it: a sentence with what would help.

Whether it has too little is judged elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perfgate.measurement.models import Environment


def less_to_do(machine: Environment) -> str:
    """Return what helps where others had the CPUs."""
    more = ", or a second CPU" if machine.shared else ""
    return f"Give the machine less else to do{more}"


def more_senders(machine: Environment, senders: int) -> str:
    """Return in a sentence what gives the load generator, so many processes, more CPU time."""
    free = len(machine.generator_cpus)
    if not machine.shared and senders < free:
        return (
            f"`workers = {free}` in [load] spreads the load over the {free} CPUs that may send it."
        )
    return (
        "There is no other CPU to send load from here: `expect_workers` in [load] takes those of "
        "other machines."
    )


def own_machine(steal_ratio: float) -> str:
    """Return in a sentence what helps where a hypervisor took this share of a CPU."""
    return (
        f"A machine of its own, or another hour: the hypervisor gave {100 * steal_ratio:.0f} % of "
        "a CPU to other guests."
    )
