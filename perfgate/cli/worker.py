"""``perfgate worker``: send load for a check that runs on another machine."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from perfgate.cli import options
from perfgate.cli.console import say
from perfgate.config.load import load_config

if TYPE_CHECKING:
    from typing import NoReturn


@click.command()
@options.config
@click.option("--master", required=True, help="Address of the machine that runs the check.")
def command(config: Path | None, master: str) -> NoReturn:
    """Send load for checks on another machine, one after the other, until stopped.

    The machine needs the same perfgate.toml and Locust file, and in PERFGATE_KEY the same key.
    """
    # It imports numpy, which a wrong word on the command line need not wait for.
    from perfgate.load.engine import serve_master, shared_key  # noqa: PLC0415 - see above

    key, loaded = shared_key(os.environ), load_config(config, Path.cwd())
    load = loaded.config.load
    say(f"waiting for a check at {master}:{load.port}; Ctrl-C ends this worker")
    while True:
        with tempfile.TemporaryDirectory(prefix="perfgate-worker-") as run_dir:
            locustfile = loaded.root / load.locustfile
            if ended := serve_master(locustfile, master, load.port, key, Path(run_dir)):
                say(f"{ended}; waiting for the next")
