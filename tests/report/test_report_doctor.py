"""The doctor's words follow from what was measured, and only that is said to help which would."""

from __future__ import annotations

from builders import case, config, environment, sessions, terms, validity

from perfgate.report.doctor import can_decide, looks_of, render


def test_a_quiet_machine_can_decide() -> None:
    """Where equal builds hardly differ, the margin can be decided and nothing need help."""
    quiet = case(noise=0.001)
    text = render(quiet)
    assert can_decide(quiet)
    assert text.startswith("A loss of 5 % of the service rate is found in about 72 s (4 sessions).")
    assert "The margin of 3 % can be decided within the budget of 240 s" in text
    assert "->" not in text


def test_a_noisy_machine_cannot() -> None:
    """Where equal builds differ widely, no look decides, and that is said with what would help."""
    noisy = case(noise=0.05)
    text = render(noisy)
    assert not can_decide(noisy)
    assert "is not found reliably here with 10 sessions" in text
    assert "can NOT be decided" in text
    assert "-> More looks in the profile" in text


def test_a_budget_that_is_too_small() -> None:
    """Where a later look would decide, the budget that it needs is named."""
    tight = case(noise=0.02, held_to=terms(config=config(budget={"sessions_s": 80})))
    look = next(one for one in looks_of(tight) if one.passed < 0.0295)
    assert not can_decide(tight)
    assert f"-> A budget.sessions_s of {look.seconds:.0f} would be enough." in render(tight)


def test_one_cpu_is_told() -> None:
    """With a single CPU the generator and the builds share it, which a second one would end."""
    alone = environment(cpus=1, target_cpus=(0,), generator_cpus=(0,))
    text = render(case(noise=0.001, environment=alone))
    assert "1 (shared)" in text
    assert "-> A second CPU" in text


def test_a_crowded_generator_is_told() -> None:
    """Where others had the generator's CPUs, to stop them is what would help."""
    busy = validity().model_copy(update={"generator_wait_ratio": 0.3})
    runs = tuple(run.model_copy(update={"validity": busy}) for run in sessions(noise=0.001))
    text = render(case(sessions=runs))
    assert "waited 30% of the time for a CPU" in text
    assert "-> Other work has the generator's CPUs" in text
