"""``perfgate history``: what accepted baselines have been over time, and when that changed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from perfgate.cli import options
from perfgate.cli.console import print_report, say
from perfgate.cli.places import writable
from perfgate.config.load import load_config
from perfgate.errors import StoreError

if TYPE_CHECKING:
    from perfgate.baseline.lineage import Lineage
    from perfgate.build.gitio import Repository
    from perfgate.config.load import LoadedConfig

FORMAT_NAMES = ("terminal", "csv", "html")


@click.command()
@options.config
@options.profile
@click.option(
    "--environment",
    help="Kind of machine, as its file is called without .json; this machine's if not given, or "
    "the only one.",
)
@click.option("--ref", help="Branch or commit; the branch of record if not given.")
@options.format_of(FORMAT_NAMES, "How the history is printed; csv can be read by Apache Otava.")
@click.option("--output", "-o", type=options.PATH, help="File to write it to instead.")
def command(
    config: Path | None,
    profile: str,
    environment: str | None,
    ref: str | None,
    format_: str,
    output: Path | None,
) -> None:
    """Show every baseline that was ever accepted, and when their figures changed.

    They are read from git history; nothing is measured or judged.
    """
    loaded = load_config(config, Path.cwd())
    # These import numpy, pandas and ruptures, which takes seconds: first what needs none of them.
    from perfgate.baseline.chronicle import chronicle_of  # noqa: PLC0415 - see above
    from perfgate.build.gitio import open_repository  # noqa: PLC0415 - see above
    from perfgate.report.histories import FORMATS  # noqa: PLC0415 - see above

    with open_repository(loaded.root) as repository:
        lineage = _lineage(repository, loaded, profile, environment, ref)
    text = FORMATS[format_](chronicle_of(lineage))
    if output is None:
        print_report(text)
        return
    from perfgate.baseline.store import write_text  # noqa: PLC0415 - see above

    write_text(writable(output), text)
    say(f"{output}: history of {lineage.service}, {lineage.path}")


def _lineage(
    repository: Repository,
    loaded: LoadedConfig,
    profile: str,
    environment: str | None,
    ref: str | None,
) -> Lineage:
    from perfgate.baseline.lineage import read_lineage  # noqa: PLC0415 - as above
    from perfgate.baseline.origin import of_record  # noqa: PLC0415 - as above
    from perfgate.baseline.store import place_of  # noqa: PLC0415 - as above

    store = loaded.config.baseline
    commit = repository.resolve(ref) if ref else of_record(repository, store.branch)
    directory = repository.relative(place_of(profile, loaded.root / store.directory))
    path = _place(repository, commit, directory, environment)
    return read_lineage(repository, commit, path, loaded.config.service)


def _place(repository: Repository, commit: str, directory: str, environment: str | None) -> str:
    """Return the file whose history is meant; raises StoreError where that is not clear."""
    from perfgate.baseline.lineage import places  # noqa: PLC0415 - as above
    from perfgate.machine import read_environment  # noqa: PLC0415 - as above

    there = places(repository, commit, directory)
    names = " or ".join(f"--environment {Path(path).stem}" for path in there)
    if environment is not None:
        path = f"{directory}/{environment}.json"
        if there and not repository.commits_touching(path, commit, limit=1):
            raise StoreError(f"{path}: no commit here has a record of it", hint=f"Is it {names}?")
        return path
    own = f"{directory}/{read_environment().slug}.json"
    if own in there or len(there) == 1:
        return own if own in there else there[0]
    if not there:
        raise StoreError(
            f"{directory} at {commit[:12]} has no baseline",
            hint="perfgate baseline accept FILE, then commit; or name another branch: --ref REF.",
        )
    raise StoreError(
        f"{directory} has baselines of {len(there)} kinds of machine, none of them this one",
        hint=f"Name one: {names}",
    )
