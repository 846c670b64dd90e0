"""A measurement that an unprivileged job has made becomes a check run and a comment.

Of what that job has left only the measurement is read. It is checked against its schema, judged
and rendered here; its reports are not looked at. To whom it is told follows from the event, which
is GitHub's, and from nothing in it.
"""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from perfgate.action.api import Api
from perfgate.errors import PerfgateError, UsageError
from perfgate.report.github import LEVELS
from perfgate.report.markdown import render_comment
from perfgate.report.markup import MARKS, as_text
from perfgate.report.subjects import place_of
from perfgate.tail import escaped, shortened
from perfgate.verdict.case import read_case
from perfgate.verdict.finding import Outcome
from perfgate.verdict.judge import judge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perfgate.verdict.case import Case
    from perfgate.verdict.finding import Finding, Verdict

NAME = "perfgate"
# A check takes minutes and its measurement some hundred kilobytes.
MOST_BYTES = 64 * 2**20
MARKER = "<!-- perfgate: this comment is kept up to date -->"
CONCLUSIONS = {0: "success", 1: "failure"}
CANCELLED = ("cancelled", "skipped")
# GitHub takes so many annotations with a check run, and so long a title of each.
MOST_ANNOTATIONS = 50
LONGEST_TITLE = 255
LONGEST_MESSAGE = 2000
SEE_ITS_LOG = "The log of the job that measured says why."
LEVEL_NAMES = {"error": "failure", "warning": "warning"}


@dataclass(frozen=True, slots=True)
class Gate:
    """The run of the workflow that measured: of which commit and branch, and how it ended.

    ``head`` is "" where the repository of the branch is gone.
    """

    sha: str
    head: str
    conclusion: str
    url: str

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Self:
        """Read the event; raises UsageError where it is not that of another workflow's end."""
        event = json.loads(Path(environ["GITHUB_EVENT_PATH"]).read_text("utf-8"))
        run = event.get("workflow_run")
        if run is None:
            raise UsageError(
                "the event is not that of a workflow that has ended",
                hint="Publish from a workflow that is started by workflow_run.",
            )
        fork = run["head_repository"]
        return cls(
            sha=run["head_sha"],
            head=f"{fork['owner']['login']}:{run['head_branch']}" if fork else "",
            conclusion=run["conclusion"],
            url=run["html_url"],
        )


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of a check: to the branch's rules, in a title, and at length."""

    conclusion: str
    title: str
    body: str
    annotations: tuple[dict[str, Any], ...] = ()


def publish(directory: Path, environ: Mapping[str, str]) -> int:
    """Tell the verdict on the measurement in ``directory`` as check run and comment; return 0.

    Raises UsageError for another event, ApiError where GitHub refuses.
    """
    gate, api = Gate.of(environ), Api(environ)
    told = _told(directory, gate, environ.get("PERFGATE_ON_INCONCLUSIVE", ""))
    api.check_run(_check_run(gate, told))
    body = f"{MARKER}\n{told.body}"
    # A branch that has gone on in the meantime gets its own.
    pulls = [pull for pull in _open(api, gate) if pull["head"]["sha"] == gate.sha]
    for pull in pulls:
        _tell(api, pull["number"], body)
    return 0


def _open(api: Api, gate: Gate) -> list[dict[str, Any]]:
    """Return the open pull requests from the branch; GitHub takes no name for that of all."""
    return list(api.pulls(gate.head)) if gate.head else []


def _tell(api: Api, pull: int, body: str) -> None:
    """Change the comment that is ours, or make it: anybody can write the marker, but no bot's."""
    for comment in api.comments(pull):
        if comment["user"]["type"] == "Bot" and comment["body"].startswith(MARKER):
            api.change_comment(comment["id"], body)
            return
    api.comment(pull, body)


def _told(directory: Path, gate: Gate, on_inconclusive: str) -> Told:
    """Return what there is to be told of a measurement, or of there being none."""
    try:
        case = read_case(_plain_file(directory / "measurement.json"))
        verdict = judge(case)
    except PerfgateError as error:
        return _nothing(gate, error)
    choice = Outcome(on_inconclusive.upper()) if on_inconclusive else None
    code = verdict.exit_code(on_inconclusive=choice)
    return Told(
        CONCLUSIONS.get(int(code), "failure"),
        shortened(escaped(f"{verdict.outcome}: {verdict.reason}"), LONGEST_TITLE),
        render_comment(case, verdict),
        tuple(_annotations(case, verdict)),
    )


def _plain_file(path: Path) -> Path:
    """Return the path of a file of bounded size; raises UsageError for anything else."""
    try:
        found = os.lstat(path)
    except OSError as error:
        raise UsageError("the run left no measurement", hint=SEE_ITS_LOG) from error
    if not stat.S_ISREG(found.st_mode) or found.st_size > MOST_BYTES:
        raise UsageError("what the run left is no measurement", hint=SEE_ITS_LOG)
    return path


def _nothing(gate: Gate, why: PerfgateError) -> Told:
    conclusion = "cancelled" if gate.conclusion in CANCELLED else "failure"
    head = f"## {MARKS['INCONCLUSIVE']} perfgate: nothing was judged"
    told = (as_text(text) for text in (why.message, why.hint) if text)
    title = f"Nothing was judged: {shortened(escaped(why.message), 200)}"
    return Told(conclusion, title, "\n\n".join([head, *told]) + "\n")


def _check_run(gate: Gate, told: Told) -> dict[str, Any]:
    return {
        "name": NAME,
        "head_sha": gate.sha,
        "status": "completed",
        "conclusion": told.conclusion,
        "details_url": gate.url,
        "output": {
            "title": told.title,
            "summary": told.body,
            "annotations": list(told.annotations),
        },
    }


def _annotations(case: Case, verdict: Verdict) -> list[dict[str, Any]]:
    made = [_annotation(case, finding) for finding in verdict.findings]
    return [own for own in made if own is not None][:MOST_ANNOTATIONS]


def _annotation(case: Case, finding: Finding) -> dict[str, Any] | None:
    """Return an annotation of the line that a finding is about; None for a pass, or no line."""
    level, place = LEVELS.get(finding.outcome), place_of(case, finding)
    if level is None or place is None or place.line is None:
        return None
    text = f"{finding.reason} {finding.hint}" if finding.hint else finding.reason
    return {
        "path": escaped(place.path),
        "start_line": place.line,
        "end_line": place.line,
        "annotation_level": LEVEL_NAMES[level],
        "title": shortened(escaped(f"{NAME} {finding.outcome}: {finding.check}"), LONGEST_TITLE),
        "message": shortened(escaped(text), LONGEST_MESSAGE),
    }
