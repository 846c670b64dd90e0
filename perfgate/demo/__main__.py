"""Options and the environment pass through to a running service, in the foreground.

What the service answers is not decided here.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import uvicorn

from .app import create_app
from .settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

HOST = "127.0.0.1"
ENVIRONMENT_PREFIX = "AUTH_"

# Callers keep connections for longer than uvicorn's 5 s; closing one in the very moment it is
# used again would look like a failed request.
KEEP_ALIVE_S = 75
SHUTDOWN_S = 3


def main(
    arguments: Sequence[str] | None = None, environment: Mapping[str, str] = os.environ
) -> None:
    """Serve until SIGTERM or SIGINT, then exit with status 0."""
    options = parser(environment).parse_args(arguments)
    settings = Settings(**{f.name: getattr(options, f.name) for f in dataclasses.fields(Settings)})
    os.umask(0o077)  # the directory holds password hashes and the signing key
    options.data_dir.mkdir(parents=True, exist_ok=True)
    # uvicorn shuts down on these signals and then raises them again, to die of them.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _exit)
    uvicorn.run(
        create_app(options.data_dir, settings),
        host=HOST,
        port=options.port,
        # Named, not "auto": what is measured must not depend on what else is installed.
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=SHUTDOWN_S,
    )


def parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    """Return the parser of the options; AUTH_... variables take the place of missing ones."""
    described = argparse.ArgumentParser(
        prog="demo",
        description="A small OAuth 2.0 auth service on 127.0.0.1, with well-known credentials.",
        epilog=f"Every setting can also be given as {ENVIRONMENT_PREFIX}SETTING.",
    )
    described.add_argument("--port", type=int, required=True)
    described.add_argument("--data-dir", type=Path, required=True, help="database and signing key")
    for field in dataclasses.fields(Settings):
        described.add_argument(
            "--" + field.name.replace("_", "-"),
            type=_at_least(min(field.default, 1)) if isinstance(field.default, int) else str,
            default=environment.get(ENVIRONMENT_PREFIX + field.name.upper(), field.default),
            help=field.metadata["help"] + " (default: %(default)s)",
        )
    return described


def _at_least(least: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        number = int(text)
        if number < least:
            raise argparse.ArgumentTypeError(f"must be at least {least}, not {number}")
        return number

    return read


def _exit(_signal_number: int, _frame: object) -> NoReturn:
    raise SystemExit(0)


if __name__ == "__main__":
    main()
