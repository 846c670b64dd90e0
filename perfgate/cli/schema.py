"""``perfgate schema``: what may stand in the files, for editors, programs and people."""

from __future__ import annotations

import json

import click

from perfgate.cli.console import put
from perfgate.config.schema import config_schema
from perfgate.demand.schema import ledger_schema
from perfgate.report.reference import render_reference
from perfgate.report.verdictschema import verdict_schema

SCHEMAS = {"config": config_schema, "demand": ledger_schema, "verdict": verdict_schema}


@click.command()
@click.argument("file", type=click.Choice(list(SCHEMAS)), default="config")
@click.option(
    "--format",
    "-f",
    "format_",
    type=click.Choice(["json", "markdown"]),
    default="json",
    show_default=True,
    help="JSON Schema for editors, or a reference to read.",
)
def command(file: str, format_: str) -> None:
    """Print every key of perfgate.toml (config), demand.toml (demand) or verdict.json (verdict)."""
    schema = SCHEMAS[file]()
    if format_ == "markdown":
        put(render_reference(schema).removesuffix("\n"))
    else:
        put(json.dumps(schema, indent=2))
