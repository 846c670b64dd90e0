"""A search among real commits of the auth service: interrupted, gone on with, and at its end."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from scenarios.auth_repository import VARIANTS

if TYPE_CHECKING:
    from scenarios.auth_repository import AuthRepository

pytestmark = pytest.mark.nightly

BROKEN = "    async = await read_form(request)\n"


def history(repository: AuthRepository) -> list[str]:
    """Commit six changes: the third does not start, the fifth is dearer; return them."""
    made = [note(repository, number) for number in (1, 2)]
    anchor = VARIANTS["dearer"][0]
    repository.replace("authsvc/app.py", anchor, BROKEN)
    made.append(repository.commit("Rename a form"))
    repository.replace("authsvc/app.py", BROKEN, anchor)
    made.append(repository.commit("Name it back"))
    made.append(repository.vary("dearer"))
    return [*made, note(repository, 6)]


def note(repository: AuthRepository, number: int) -> str:
    """Commit a change that changes nothing."""
    with (repository.root / "authsvc" / "store.py").open("a") as file:
        file.write(f"\n# Note {number}.\n")
    return repository.commit(f"Note {number}")


def test_a_search_is_interrupted_and_ends(repository: AuthRepository) -> None:
    """What was known when it was interrupted is known later; the commit that is dearer is named."""
    commits = history(repository)
    words = ("bisect", "--good", repository.base)
    process = repository.start(*words)
    assert process.stderr is not None
    for line in process.stderr:
        if "commits left" in line:
            break
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "the same command goes on from there" in err
    (kept,) = (repository.root / ".git" / "perfgate").glob("*.json")
    assert str(kept) in err
    assert repository.left_behind() == []

    run = repository.perfgate(*words)
    assert run.code == 1, run.err
    assert "going on with the search of" in run.err
    assert "required rate" not in run.err  # that was learnt before
    first, *_ = run.out.splitlines()
    assert first == f"FAIL: {commits[4][:10]} dearer made it slower"
    assert [line for line in run.out.splitlines() if commits[2][:10] in line and "skipped" in line]
    assert not kept.exists()
    assert repository.left_behind() == []
    assert repository.git("status", "--porcelain") == ""


def test_nothing_is_blamed_where_nothing_got_slower(repository: AuthRepository) -> None:
    """Between builds that are equal, the bad one is measured only, and none is to blame."""
    for number in range(1, 5):
        note(repository, number)
    run = repository.perfgate("bisect", "--good", repository.base)
    assert run.code == 0, run.err + run.out
    assert run.out.startswith("PASS: no commit up to ")
    assert repository.left_behind() == []
