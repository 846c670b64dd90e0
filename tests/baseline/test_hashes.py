"""Hashes tell apart what matters, and nothing that does not."""

from __future__ import annotations

from typing import Any

import pytest
from builders import config, dependent, ledger

from perfgate.baseline.hashes import config_hash, ledger_hash


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"profiles": {"default": {"looks": [4, 12]}}}, True),
        ({"load": {"locustfile": "locustfiles/auth.py", "seed": 99}}, True),
        ({"load": {"locustfile": "locustfiles/other.py"}}, False),
        ({"profiles": {"default": {"split_s": 1.0}}}, False),
        ({"margins": {"slowdown": 0.05}}, False),
    ],
)
def test_a_configuration_has_a_hash_of_its_own(changes: dict[str, Any], same: bool) -> None:
    """Law: another configuration has another hash, but for what each run may choose."""
    assert (config_hash(config(**changes)) == config_hash(config())) == same


def test_a_ledger_has_a_hash_of_its_own() -> None:
    """Law: equal ledgers have one hash, others another."""
    assert ledger_hash(ledger()) == ledger_hash(ledger(dependent()))
    assert ledger_hash(ledger()) != ledger_hash(ledger(dependent(peak_rps=101.0)))
