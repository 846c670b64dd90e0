"""``perfgate init``: the files that describe a service, and the first gate."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from perfgate.cli.console import put, say
from perfgate.errors import NoRepositoryError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perfgate.newcomer.clues import Clues
    from perfgate.newcomer.rehearsal import Rehearsal

# What is started to try the service leaves nothing in it that nobody has asked for.
NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"
NEXT = """
Now set what only you know: peak_rps and mix in demand.toml, promises in perfgate.toml, and in
.github/workflows how the service is installed and where you have perfgate from
(OWNER/perfgate@COMMIT).
Commit the files, then make the first baseline:
  perfgate measure --output ../first.json
  perfgate baseline accept ../first.json"""


@click.command()
@click.option(
    "--start",
    help="Command that starts the service, with {port} and {python}; found out if not given.",
)
@click.option(
    "--ready",
    metavar="PATH",
    help="Where the service answers 2xx, like /login; found out if not given.",
)
@click.option("--no-check", is_flag=True, help="Only write the files; measure nothing.")
def command(start: str | None, ready: str | None, no_check: bool) -> int:
    """Describe the service in this directory to perfgate, and judge it for the first time.

    It finds out how the service is started, starts it once, asks it what it serves, and writes
    perfgate.toml, demand.toml, a Locust file and workflows. Files that are there stay as they are.
    """
    from perfgate.newcomer.clues import Start, read_clues  # noqa: PLC0415 - --help needs none
    from perfgate.newcomer.files import CONFIG_FILE, LEDGER_FILE  # noqa: PLC0415 - as above
    from perfgate.newcomer.rehearsal import READY_PATHS, rehearse  # noqa: PLC0415 - as above

    os.environ[NO_BYTECODE] = "1"
    root = Path.cwd()
    if all((root / name).exists() for name in (CONFIG_FILE, LEDGER_FILE)):
        raise UsageError(
            f"{CONFIG_FILE} and {LEDGER_FILE} are here already",
            hint="Judge the service: perfgate check.",
        )
    clues = read_clues(root)
    starts = clues.starts if start is None else (Start(start, "the command line"),)
    if not starts:
        raise UsageError(
            f"{root}: nothing tells how the service is started",
            hint="Name the command: perfgate init --start '{python} -m yours --port {port}'.",
        )
    paths = READY_PATHS if ready is None else (f"/{ready.removeprefix('/')}",)
    rehearsal = rehearse(root, starts, clues.spec, paths)
    _tell(clues, rehearsal)
    _write(root, _files(root, clues, rehearsal))
    code = 0 if no_check else _first_check()
    put(NEXT)
    return code


def _files(root: Path, clues: Clues, rehearsal: Rehearsal) -> Mapping[str, str]:
    from perfgate.newcomer.files import files_for  # noqa: PLC0415 - as above
    from perfgate.newcomer.tasks import tasks_in  # noqa: PLC0415 - as above

    locustfile = None
    if clues.locustfile is not None:
        text = (root / clues.locustfile).read_text(encoding="utf-8")
        if not tasks_in(text):
            raise UsageError(
                f"{clues.locustfile}: there is no function with @task, so no operation",
                hint="Give it one, or move the file away.",
            )
        say(f"{clues.locustfile}: is here, so its tasks are the operations")
        locustfile = (clues.locustfile, text)
    return files_for(clues, rehearsal, locustfile, _main_branch(root))


def _main_branch(root: Path) -> str:
    """Return the branch to keep baselines on: the one that the repository calls its own."""
    from perfgate.build.gitio import open_repository  # noqa: PLC0415 - as above
    from perfgate.newcomer.files import MAIN  # noqa: PLC0415 - as above

    try:
        with open_repository(root) as repository:
            return repository.main_branch() or MAIN
    except NoRepositoryError:
        return MAIN


def _tell(clues: Clues, rehearsal: Rehearsal) -> None:
    say(f"it starts: {rehearsal.start.command}  ({rehearsal.start.because})")
    say(f"it is ready where this answers 2xx: {rehearsal.ready}")
    for own in rehearsal.tried:
        say(f"  {own.request.told}: {own.told}{'' if own.good else ', left out'}")
    if clues.spec and not rehearsal.described:
        say(f"{clues.spec}: is not read, as it is no JSON; as openapi.json it would be")


def _write(root: Path, files: Mapping[str, str]) -> None:
    from perfgate.wholefile import write_whole  # noqa: PLC0415 - as above

    for name, text in files.items():
        place = root / name
        if place.exists():
            say(f"{name}: is here already and stays as it is")
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        write_whole(place, text)
        put(f"{name}: written")


def _first_check() -> int:
    """Judge the working tree with the smallest of checks."""
    from perfgate.cli.group import cli  # noqa: PLC0415 - it imports this module by its name

    put("\n$ perfgate check --budget quick")
    return int(
        cli.main(["check", "--budget", "quick"], prog_name="perfgate", standalone_mode=False)
    )
