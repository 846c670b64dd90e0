"""The machine as a value: what stands in it, and how its CPUs are shared out."""

from __future__ import annotations

import os
import platform

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.machine import read_environment


def test_the_environment_is_this_machine() -> None:
    """Law: what the system says of itself stands in the value, and it is the same twice."""
    environment = read_environment()

    assert environment.machine == platform.machine()
    assert environment.kernel == platform.release()
    assert environment.python == platform.python_version()
    assert environment.cpus == len(os.sched_getaffinity(0))
    assert environment.virtual in ("container", "vm", "metal")
    assert environment.cpu_model
    assert environment == read_environment()


def test_target_and_generator_share_the_cpus_out() -> None:
    """Law: the target has one CPU; the generator has the others, or the same if there is one."""
    environment = read_environment()
    cpus = tuple(sorted(os.sched_getaffinity(0)))

    assert environment.target_cpus == cpus[:1]
    if len(cpus) > 1:
        assert environment.target_cpus + environment.generator_cpus == cpus
    else:
        assert environment.generator_cpus == cpus


def test_only_cpus_that_may_be_used_count() -> None:
    """Law: with one CPU allowed, target and generator share it, and the environment has one."""
    before = os.sched_getaffinity(0)
    last = max(before)
    os.sched_setaffinity(0, {last})
    try:
        environment = read_environment()
    finally:
        os.sched_setaffinity(0, before)

    assert environment.cpus == 1
    assert environment.target_cpus == environment.generator_cpus == (last,)


words = st.text(max_size=20)


@given(cpu_model=words, machine=words, virtual=words, cpus=st.integers(1, 512))
def test_a_slug_is_a_file_name(cpu_model: str, machine: str, virtual: str, cpus: int) -> None:
    """Law: whatever the CPU is called, the environment class can be the name of a file."""
    slug = (
        read_environment()
        .model_copy(
            update={"cpu_model": cpu_model, "machine": machine, "virtual": virtual, "cpus": cpus}
        )
        .slug
    )

    assert slug
    assert "/" not in slug
    assert "." not in slug
    assert "--" not in slug
    assert slug == slug.strip("-")


@pytest.mark.parametrize("field", ["kernel", "python"])
def test_updates_do_not_change_the_class(field: str) -> None:
    """Law: a new kernel or Python leaves the environment class what it was."""
    environment = read_environment()
    updated = environment.model_copy(update={field: "999"})

    assert updated != environment
    assert updated.slug == environment.slug
