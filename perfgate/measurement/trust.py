"""Says in words where a build got away from what measures it, so that its run cannot be trusted.

What the load generator and the machine did is told elsewhere, and nothing is judged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perfgate.load.journal import Journal
    from perfgate.measurement.summarise import Surroundings

# What the kernel has not counted yet of a process that runs is a tick at either reading; children
# that are only known through their parent are counted in ticks.
UNCHARGED_LIMIT_S = 0.05
UNCHARGED_LIMIT_RATIO = 0.02


def build_faults(journal: Journal, surroundings: Surroundings) -> list[str]:
    """Return what builds did that leaves their figures without worth; nothing if all is well."""
    return [*_uncharged(journal, surroundings), *_strayed(surroundings)]


def _uncharged(journal: Journal, surroundings: Surroundings) -> Iterator[str]:
    """Tell of builds that used more than they were charged for.

    The parent looks for all processes of a build, wherever they are. What it saw within a span is
    part of what the load generator charged for it, unless that does not know all of them.
    """
    for role, used_s in surroundings.used_s.items():
        charged_s = journal.charged[role].cpu_s
        if used_s - charged_s > max(UNCHARGED_LIMIT_S, UNCHARGED_LIMIT_RATIO * used_s):
            yield (
                f"the {role} used {used_s:.2f} s of CPU time, of which {used_s - charged_s:.2f} s "
                "in processes that left its process tree after it had got ready, so that they "
                "could not be charged: start such before the ready URL answers"
            )


def _strayed(surroundings: Surroundings) -> Iterator[str]:
    """Tell of builds that may have had more than their CPU: the load generator's, most likely."""
    for role, cpus in surroundings.strayed.items():
        if cpus:
            yield (
                f"the {role} let itself run on CPU {', '.join(map(str, cpus))}, which it was not "
                "given, so that it may have been faster than it is, and taken time from the load "
                "generator: a service must not choose its own CPUs (taskset, worker_cpu_affinity)"
            )
