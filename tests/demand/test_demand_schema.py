"""Editors that know the ledger's JSON Schema accept and refuse what perfgate does."""

from __future__ import annotations

import json
import tomllib

import pytest
from jsonschema import Draft202012Validator
from test_ledger import FULL, SMALLEST

from perfgate.demand.schema import ledger_schema


def complaints(text: str) -> list[str]:
    """Return the paths at which the schema refuses a ledger, sorted."""
    # JSON has no dates: editors hand them over as text.
    document = json.loads(json.dumps(tomllib.loads(text), default=str))
    validator = Draft202012Validator(ledger_schema())
    return sorted(error.json_path for error in validator.iter_errors(document))


def test_it_is_a_schema() -> None:
    """The schema is itself valid, and says its draft and what it is for."""
    schema = ledger_schema()
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["title"] == "demand.toml"


@pytest.mark.parametrize("text", [SMALLEST, FULL, FULL.replace("[1.2, 1.4, 1.7]", "1.4")])
def test_valid_ledgers_pass(text: str) -> None:
    """What perfgate reads, an editor shows without complaint."""
    assert complaints(text) == []


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("peak_rps = 60.0", "peak_rps = -60.0", "$.dependent[0].peak_rps"),
        ("peak_rps = 60.0", "", "$.dependent[0]"),
        ("peak_rps = 60.0", "peak_rps = 60.0\npeek_cv = 1", "$.dependent[0]"),
        ('"exponential"', '"exponentail"', "$.dependent[1].backoff.kind"),
        ("ratio = 0.2", "ratio = 20", "$.dependent[1].budget.ratio"),
        ("[1.2, 1.4, 1.7]", "[1.2, 1.4]", "$.dependent[1].change[0].scale"),
        ("demand/1", "demand/2", "$.format"),
    ],
)
def test_each_fault_is_found(old: str, new: str, where: str) -> None:
    """Figures out of range, missing and unknown keys and unknown words are shown."""
    assert complaints(FULL.replace(old, new, 1)) == [where]
