"""A schema becomes a reference that leaves nothing out."""

from __future__ import annotations

from typing import Literal

import pytest
from pydantic import BaseModel, Field

from perfgate.config.models import Config
from perfgate.config.schema import config_schema
from perfgate.demand.ledger import Ledger
from perfgate.demand.schema import ledger_schema
from perfgate.report.reference import render_reference
from perfgate.tomlfile import schema_of


class Row(BaseModel):
    """A row."""

    name: str
    pair: tuple[float, float] | float = 1.0


class Part(BaseModel):
    """A part of it."""

    many: tuple[Row, ...] = Field(default=(), alias="row")
    kind: Literal["a", "b"] = "a"
    own: Row | None = None


class Whole(BaseModel):
    """All of it."""

    version: Literal[1] = Field(description="Which it is.")
    size: int = Field(default=4, ge=4, multiple_of=4, description="How | large.")
    on: bool = False
    names: tuple[str, ...] = ()
    shares: dict[str, float] = {}
    part: Part = Field(description="The part.")
    parts: dict[str, Part] = Field(default={}, description="More parts.")


GOLDEN = """\
# whole.toml

| key | value | default | meaning |
|---|---|---|---|
| `version` | `1` | **required** | Which it is. |
| `size` | whole number, at least 4, a multiple of 4 | `4` | How \\| large. |
| `on` | boolean | `false` |  |
| `names` | list: text | - |  |
| `shares` | table of names: number | - |  |

## `[part]`

The part. A part of it. Required.

| key | value | default | meaning |
|---|---|---|---|
| `kind` | `"a"`, `"b"` | `"a"` |  |

## `[[part.row]]`

A row.

| key | value | default | meaning |
|---|---|---|---|
| `name` | text | **required** |  |
| `pair` | list of 2: number; or number | `1.0` |  |

## `[part.own]`

A row.

| key | value | default | meaning |
|---|---|---|---|
| `name` | text | **required** |  |
| `pair` | list of 2: number; or number | `1.0` |  |

## `[parts.NAME]`

More parts. A part of it.

| key | value | default | meaning |
|---|---|---|---|
| `kind` | `"a"`, `"b"` | `"a"` |  |
"""


def test_golden() -> None:
    """Every kind of value, table and default reads as it is written in the file."""
    shown = render_reference(schema_of(Whole, "whole.toml"))
    # What stands below a repeated table is shown again under the name it has there.
    repeated = GOLDEN.partition("## `[[part.row]]`")[2].partition("## `[parts.NAME]`")[0]
    again = f"## `[[part.row]]`{repeated}".replace("part.", "parts.NAME.").rstrip("\n")
    assert shown == f"{GOLDEN}\n{again}\n"


def keys_of(model: type[BaseModel]) -> set[str]:
    """Return the names of all fields of a model that hold no table."""
    return {field.alias or name for name, field in model.model_fields.items()}


@pytest.mark.parametrize("model", [Config, Ledger])
def test_no_key_is_left_out(model: type[BaseModel]) -> None:
    """Every key that the file may have is a row, or the name of a table."""
    schema = config_schema() if model is Config else ledger_schema()
    shown = render_reference(schema)
    definitions = schema["$defs"]
    assert isinstance(definitions, dict)
    keys = {key for table in definitions.values() for key in table["properties"]}
    for key in keys | keys_of(model):
        assert any(place in shown for place in (f"| `{key}` |", f"[{key}", f".{key}]")), key


@pytest.mark.parametrize("schema", [config_schema(), ledger_schema()])
def test_every_row_has_a_meaning(schema: dict[str, object]) -> None:
    """No key of ours is left without words."""
    rows = [line for line in render_reference(schema).splitlines() if line.startswith("| `")]
    assert rows
    assert [row for row in rows if row.endswith("|  |")] == []
