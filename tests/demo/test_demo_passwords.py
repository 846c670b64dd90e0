"""Passwords: only the right one matches, at a price that does not depend on the user."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from argon2 import extract_parameters
from argon2.exceptions import InvalidHashError

from perfgate.demo.passwords import Passwords

if TYPE_CHECKING:
    from collections.abc import Callable

PASSWORDS = Passwords()
KNOWN = PASSWORDS.hashed("open sesame")


def test_only_the_right_password_matches() -> None:
    """A password matches its own hash and no other."""
    assert PASSWORDS.matches(KNOWN, "open sesame")
    for wrong in ("", "open sesame ", "Open sesame", "open sesame\0", "\u20ac"):
        assert not PASSWORDS.matches(KNOWN, wrong)


def test_nobody_has_no_password() -> None:
    """A user that does not exist matches nothing."""
    assert not PASSWORDS.matches(None, "open sesame")
    assert not PASSWORDS.matches(None, "")


def test_hashes_are_argon2id_at_the_owasp_minimum() -> None:
    """OWASP Password Storage Cheat Sheet: Argon2id, 19 MiB, 2 iterations, 1 lane."""
    found = extract_parameters(KNOWN)

    assert KNOWN.startswith("$argon2id$")
    assert (found.memory_cost, found.time_cost, found.parallelism) == (19456, 2, 1)


def test_equal_passwords_have_different_hashes() -> None:
    """Every hash has a salt of its own."""
    assert PASSWORDS.hashed("open sesame") != KNOWN


def test_unknown_user_costs_what_a_wrong_password_costs() -> None:
    """The time of an answer does not tell which users exist."""
    known = _least_cpu_s(lambda: PASSWORDS.matches(KNOWN, "wrong"))
    unknown = _least_cpu_s(lambda: PASSWORDS.matches(None, "wrong"))

    assert 1 / 2 < unknown / known < 2


def test_spoilt_hash_is_an_error_rather_than_a_no() -> None:
    """A damaged database is not mistaken for a wrong password."""
    with pytest.raises(InvalidHashError):
        PASSWORDS.matches("not a hash", "open sesame")


def _least_cpu_s(work: Callable[[], object]) -> float:
    spent = []
    for _ in range(7):
        started_s = time.thread_time()
        work()
        spent.append(time.thread_time() - started_s)
    return min(spent)
