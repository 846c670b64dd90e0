"""Laws of the random draws of a task: those of its seed, whichever function draws first."""

from __future__ import annotations

import random
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from perfgate.load.inside.draws import Draws

if TYPE_CHECKING:
    from collections.abc import Callable

SEED = 20180713
DRAWN: dict[str, Callable[[random.Random], object]] = {
    "random": lambda source: source.random(),
    "uniform": lambda source: source.uniform(1, 2),
    "gauss": lambda source: source.gauss(0, 1),
    "randint": lambda source: source.randint(0, 10**30),
    "choice": lambda source: source.choice(range(1000)),
    "choices": lambda source: source.choices(range(1000), k=5),
    "sample": lambda source: source.sample(range(1000), 5),
    "randbytes": lambda source: source.randbytes(9),
    "getrandbits": lambda source: source.getrandbits(65),
    "getstate": lambda source: source.getstate(),
}


@pytest.mark.parametrize("first", DRAWN)
def test_what_is_promised_is_drawn(first: str) -> None:
    """Law: after a promise every function draws what it draws from a source of that seed."""
    promised, plain = Draws(1), random.Random(SEED)  # noqa: S311 - what it stands for
    promised.gauss(0, 1)  # it keeps the second of two; a new seed forgets it
    promised.promise(SEED)
    assert DRAWN[first](promised) == DRAWN[first](plain)
    assert [draw(promised) for draw in DRAWN.values()] == [draw(plain) for draw in DRAWN.values()]


def test_the_last_word_counts() -> None:
    """Law: a seed or a state that comes after a promise takes its place."""
    plain = random.Random(SEED)  # noqa: S311 - what it stands for
    state = plain.getstate()
    seeded, restored = Draws(), Draws()
    for source in (seeded, restored):
        source.promise(1)
    seeded.seed(SEED)
    restored.setstate(state)
    assert seeded.random() == restored.random() == plain.random()


def test_functions_that_were_imported_by_name_draw_from_it() -> None:
    """Law: whatever imports random afterwards draws what was promised, by whichever name."""
    code = (
        "from perfgate.load.inside.draws import take_over_random\n"
        "draws = take_over_random()\n"
        "import random\n"
        "from random import choice, seed\n"
        "draws.promise(7); first = choice(range(10**9)), random.random()\n"
        "seed(7); assert (choice(range(10**9)), random.random()) == first\n"
        "own = random.Random(7); assert (own.choice(range(10**9)), own.random()) == first\n"
    )
    subprocess.run((sys.executable, "-c", code), check=True, timeout=60)
