"""``perfgate demo``: the outage of 13 July 2018, run and told chapter by chapter."""

from __future__ import annotations

import io
import json
import os
import shutil
import tempfile
import time
from contextlib import chdir, contextmanager, redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from perfgate.build.cache import default_cache_root, shelf_of
from perfgate.cli import options
from perfgate.cli.console import print_report
from perfgate.cli.places import prepared
from perfgate.errors import LoadError, StoreError, UsageError
from perfgate.target.interrupts import deferred_interrupts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perfgate.story.chapters import Chapter
    from perfgate.story.telling import Ending
    from perfgate.verdict.case import Case
    from perfgate.verdict.finding import Verdict

# What the bundled service is made of, by the names under which it is imported.
NEEDED = ("argon2", "joserfc", "python_multipart", "starlette", "uvicorn")
REPOSITORY = "auth"
# Pictures are as wide as the narrower of these; more than the other is hard to read.
NARROWEST, WIDEST = 80, 100


@click.command()
@click.option(
    "--output",
    "-o",
    type=options.PATH,
    help="Empty directory to keep repository and reports in; a new temporary one if not given.",
)
def command(output: Path | None) -> int:
    """See in four minutes what perfgate is for: the outage of 13 July 2018, on this machine.

    Its commands are run in a repository that is made for it; that and all reports are kept. Exit
    code 0: it came out as told; 3: it came out otherwise.
    """
    _refuse_missing()
    width = min(max(shutil.get_terminal_size().columns, NARROWEST), WIDEST)
    # These import numpy, pandas and scipy, which takes a second: first what needs none of them.
    from perfgate.story.chapters import CHAPTERS  # noqa: PLC0415 - see above
    from perfgate.story.repository import make_repository  # noqa: PLC0415 - see above
    from perfgate.story.telling import closing, exit_code, opening  # noqa: PLC0415 - see above

    with _kept(output) as directory:
        print_report(opening(str(directory), width))
        make_repository(directory / REPOSITORY)
        endings = [_run(chapter, directory / REPOSITORY, width) for chapter in CHAPTERS]
        print_report(closing(endings, str(directory), _report(directory)))
    return int(exit_code(endings))


def _refuse_missing() -> None:
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"the auth service of the story cannot be started without {', '.join(missing)}",
            hint="Install what it is made of, in the checkout: python -m pip install '.[demo]'.",
        )


@contextmanager
def _kept(output: Path | None) -> Iterator[Path]:
    """Hold a directory ready; a temporary one goes again if the story does not come to its end."""
    made = Path(tempfile.mkdtemp(prefix="perfgate-demo-")) if output is None else prepared(output)
    directory = made.resolve()
    try:
        yield directory
    except BaseException:
        with deferred_interrupts():
            _forget_builds(directory / REPOSITORY)
            if output is None:
                shutil.rmtree(directory)
        raise
    _forget_builds(directory / REPOSITORY)


def _forget_builds(repository: Path) -> None:
    """Remove the builds of the repository's commits from the user's cache."""
    shelf = shelf_of(default_cache_root(os.environ), repository / ".git")
    shutil.rmtree(shelf, ignore_errors=True)


def _run(chapter: Chapter, repository: Path, width: int) -> Ending:
    """Run the commands of a chapter, tell what came of them, and return it."""
    from perfgate.story.repository import commit_all, switch  # noqa: PLC0415 - as above
    from perfgate.story.telling import Ending, heading, told  # noqa: PLC0415 - as above

    print_report(heading(chapter, width))
    begun_s = time.monotonic()
    switch(repository, chapter.branch)
    try:
        verdict, case = _carried_out(chapter, repository)
        if chapter.commit:
            commit_all(repository, chapter.commit)
        ending = Ending(chapter, time.monotonic() - begun_s, verdict, case)
    except (LoadError, StoreError) as error:
        # Accidents of a busy machine, which may spare the next chapter.
        ending = Ending(chapter, time.monotonic() - begun_s, trouble=error.message)
    print_report(told(ending, width))
    return ending


def _carried_out(chapter: Chapter, repository: Path) -> tuple[Verdict, Case | None]:
    """Run the commands as they are typed, and return what they found."""
    from perfgate.cli.group import cli  # noqa: PLC0415 - it imports this module by its name
    from perfgate.verdict.case import read_case  # noqa: PLC0415 - as above
    from perfgate.verdict.judge import judge  # noqa: PLC0415 - as above

    out = io.StringIO()
    form = ("--format", "json") if chapter.judges else ()
    with chdir(repository), redirect_stdout(out):
        for words in chapter.commands:
            cli.main([*words, *form], prog_name="perfgate", standalone_mode=False)
    if not chapter.measurement:
        return _verdict_in(out.getvalue()), None
    case = read_case(repository / chapter.measurement)
    return judge(case), case


def _verdict_in(printed: str) -> Verdict:
    """Return the verdict that was printed as JSON."""
    from perfgate.verdict.finding import Finding, Outcome, verdict_of  # noqa: PLC0415 - as above

    findings = json.loads(printed)["findings"]
    return verdict_of(
        Finding(own["check"], Outcome(own["outcome"]), own["reason"]) for own in findings
    )


def _report(directory: Path) -> str:
    """Return where the most readable report of the outage lies, "" where there is none."""
    from perfgate.cli.verdicts import KEPT  # noqa: PLC0415 - as above
    from perfgate.story.chapters import OUTAGE  # noqa: PLC0415 - as above

    page = next(name for name, kept_as in KEPT.items() if kept_as == "html")
    report = (directory / REPOSITORY / OUTAGE.measurement).resolve().with_name(page)
    return str(report) if report.is_file() else ""
