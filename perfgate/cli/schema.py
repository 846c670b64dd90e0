"""``perfgate schema``: JSON Schemas, for editors."""

from __future__ import annotations

import json

import click

from perfgate.config.schema import config_schema
from perfgate.demand.schema import ledger_schema

SCHEMAS = {"config": config_schema, "demand": ledger_schema}


@click.command()
@click.argument("file", type=click.Choice(list(SCHEMAS)), default="config")
def command(file: str) -> None:
    """Print the JSON Schema of perfgate.toml (config) or of demand.toml (demand)."""
    click.echo(json.dumps(SCHEMAS[file](), indent=2))
