"""What all kinds of targets have in common holds for any processes."""

from __future__ import annotations

import os

from perfgate.target.running import strayed_to


def test_processes_stray_to_what_they_were_not_given() -> None:
    """Law: without a CPU of its own no process strays; with one, wherever else it may run."""
    own, allowed = os.getpid(), os.sched_getaffinity(0)
    assert strayed_to([own], None) == set()
    assert all(strayed_to([own, own], cpu) == allowed - {cpu} for cpu in allowed)
    assert strayed_to([], min(allowed)) == set()
