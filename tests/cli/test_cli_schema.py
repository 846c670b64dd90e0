"""``perfgate schema``: every key of both files."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING

import pytest
from jsonschema import Draft202012Validator

from cli.command_line import CONFIG, LEDGER, Finished
from perfgate.cli.schema import SCHEMAS
from perfgate.report.reference import render_reference

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(("file", "text"), [("config", CONFIG), ("demand", LEDGER)])
def test_json_schema(perfgate: Callable[..., Finished], file: str, text: str) -> None:
    """What is printed is a schema, and a file that perfgate reads conforms to it."""
    run = perfgate("schema", file)
    assert (run.code, run.err) == (0, "")
    schema = json.loads(run.out)
    Draft202012Validator.check_schema(schema)
    # A date is a type of its own in TOML, and text in JSON.
    tables = json.loads(json.dumps(tomllib.loads(text), default=str))
    Draft202012Validator(schema).validate(tables)


def test_the_configuration_is_the_default(perfgate: Callable[..., Finished]) -> None:
    """Without a word it is the configuration's schema."""
    assert perfgate("schema") == perfgate("schema", "config")


@pytest.mark.parametrize("file", SCHEMAS)
def test_markdown(perfgate: Callable[..., Finished], file: str) -> None:
    """As Markdown it is the reference."""
    run = perfgate("schema", file, "--format", "markdown")
    assert run == Finished(0, render_reference(SCHEMAS[file]()), "")
