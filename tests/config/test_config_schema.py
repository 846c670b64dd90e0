"""Editors that know the JSON Schema accept and refuse what perfgate does."""

from __future__ import annotations

import tomllib

import pytest
from jsonschema import Draft202012Validator

from perfgate.config.load import SMALLEST
from perfgate.config.schema import config_schema

FULL = (
    SMALLEST
    + """
[profiles.default]
looks = [4, 8]
arrivals = "uniform"

[slo."*"]
p99_ms = 50

[slo.login]
p99_ms = 250.0
error_ratio = 0

[margins]
slowdown = 0.05

[production]
instances = 4
service_rate_rps = 300

[demand]
ledger = "dependents.toml"
"""
)


def complaints(text: str) -> list[str]:
    """Return the paths at which the schema refuses a file, sorted."""
    validator = Draft202012Validator(config_schema())
    return sorted(error.json_path for error in validator.iter_errors(tomllib.loads(text)))


def test_it_is_a_schema() -> None:
    """The schema is itself valid, and says its draft and what it is for."""
    schema = config_schema()
    Draft202012Validator.check_schema(schema)
    assert (schema["$schema"], schema["title"]) == (
        "https://json-schema.org/draft/2020-12/schema",
        "perfgate.toml",
    )


@pytest.mark.parametrize("text", [SMALLEST, FULL])
def test_valid_files_pass(text: str) -> None:
    """What perfgate reads, an editor shows without complaint."""
    assert complaints(text) == []


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ('service = "auth"', "", "$"),
        ("[load]", "identites = 3\n[load]", "$.target"),
        ("slowdown = 0.05", "slowdown = 5", "$.margins.slowdown"),
        ('"uniform"', '"unifrom"', "$.profiles.default.arrivals"),
        ("instances = 4", 'instances = "four"', "$.production.instances"),
        ("[load]", 'ready = "healthz"\n[load]', "$.target.ready"),
    ],
)
def test_each_fault_is_found(old: str, new: str, where: str) -> None:
    """Missing and unknown keys, figures out of range, unknown words and wrong types are shown."""
    assert complaints(FULL.replace(old, new, 1)) == [where]
