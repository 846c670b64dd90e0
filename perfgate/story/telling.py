"""What came of a chapter becomes paragraphs: what was found, and whether it is the story of 2018.

Pure: nothing is run or printed here.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perfgate.analysis.recovery import course_of
from perfgate.exitcodes import ExitCode
from perfgate.report.lines import indented, wrapped
from perfgate.report.upset import upset_lines
from perfgate.story.chapters import CHAPTERS, OPENING, OTHERWISE
from perfgate.tail import escaped
from perfgate.verdict.case import recovery_of
from perfgate.verdict.checks.recovery import restarted_s
from perfgate.verdict.finding import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perfgate.story.chapters import Chapter
    from perfgate.verdict.case import Case
    from perfgate.verdict.finding import Finding, Verdict

INDENT = "  "
NAME = 26
STEPS = (
    "  1. In its repository, have files written that say how it starts and who asks",
    "     it what, and fill in what only you know:",
    "       perfgate init",
    "  2. Try whether this machine will do:",
    "       perfgate doctor",
    "  3. Judge what you have there, commits or not, beside your main branch:",
    "       perfgate check --base main --recovery",
)


@dataclass(frozen=True, slots=True)
class Ending:
    """What a chapter came to: a verdict, and the case behind it if there is one; or trouble."""

    chapter: Chapter
    seconds: float
    verdict: Verdict | None = None
    case: Case | None = None
    trouble: str = ""

    @property
    def otherwise(self) -> tuple[str, ...]:
        """Return in sentences what came out otherwise than the story has it."""
        if self.verdict is None:
            return (self.trouble,)
        found = {finding.check: finding for finding in self.verdict.findings}
        missed = [
            f"Of {check}, {wanted} was to be told; it was not judged."
            if check not in found
            else f"Of {check}, {wanted} was to be told; it is {found[check].outcome}."
            for check, wanted in self.chapter.wanted.items()
            if check not in found or found[check].outcome is not wanted
        ]
        if missed:
            return tuple(missed)
        if self.chapter.admits and self.verdict.exit_code() is not ExitCode.PASS:
            return (f"It was to be let through; the verdict is {self.verdict.outcome}.",)
        if self.chapter.outage and not (self.case and only_restart_helps(self.case)):
            return ("It was not a restart alone that ended the outage.",)
        return ()

    @property
    def word(self) -> str:
        """Return the outcome in a word."""
        if self.verdict is None:
            return "-"
        return str(self.verdict.outcome) if self.chapter.judges else "recorded"


def only_restart_helps(case: Case) -> bool:
    """Tell whether fresh processes served the demand that had left the candidate down.

    Neither a lower demand nor an end of retries had brought it back.
    """
    own = recovery_of(case, "candidate")
    if own is None:
        return False
    course = course_of(own)
    healed = course.healed_rps is not None or course.healed_quiet
    return not healed and restarted_s(case.measurement.restart) is not None


def opening(directory: str, width: int) -> str:
    """Return what comes before the first chapter."""
    seconds = sum(chapter.expected_s for chapter in CHAPTERS)
    last = (
        f"It takes about {seconds / 60:.1f} minutes. Repository and reports: {escaped(directory)}"
    )
    return "\n\n".join(_paragraph(text, width) for text in (*OPENING, last))


def heading(chapter: Chapter, width: int) -> str:
    """Return what comes before a chapter is run: what it is about, and its commands."""
    commands = [f"git switch {chapter.branch}"]
    commands += [shlex.join(("perfgate", *words)) for words in chapter.commands]
    if chapter.commit:
        commands.append(f'git add --all && git commit --message "{chapter.commit}"')
    title = f"{chapter.title}  (about {chapter.expected_s:.0f} s)"
    shown = [_command(command, width) for command in commands]
    return "\n".join(["", title, "", _paragraph(chapter.before, width), "", *shown, "", ""])


def told(ending: Ending, width: int) -> str:
    """Return what comes after a chapter has been run: findings, pictures, and what they mean."""
    otherwise = ending.otherwise
    parts = [*_findings(ending, width), *([] if ending.case is None else _pictures(ending.case))]
    parts += [_paragraph(text, width) for text in otherwise]
    last = OTHERWISE if otherwise else ending.chapter.moral
    parts += [_paragraph(last, width)] if last else []
    return "\n\n".join(parts)


def closing(endings: Sequence[Ending], directory: str, report: str) -> str:
    """Return what comes after the last chapter: verdicts, where all is kept, and what to do now.

    ``report`` is "" where the outage came to none.
    """
    seconds = sum(ending.seconds for ending in endings)
    rows = [
        f"  {ending.chapter.title:<{NAME}}{ending.word:<14}{ending.seconds:4.0f} s"
        f"{'   otherwise than told' if ending.otherwise else ''}"
        for ending in endings
    ]
    return "\n".join(
        [
            "",
            f"Told in {seconds / 60:.1f} minutes",
            "",
            *rows,
            "",
            *(["  The report of the outage:", f"    {report}"] if report else []),
            "  Every perfgate command above works again, with another --output, in:",
            f"    {directory}/auth",
            "",
            "Now do this on your service",
            "",
            *STEPS,
        ]
    )


def exit_code(endings: Sequence[Ending]) -> ExitCode:
    """Return PASS where every chapter came out as the story has it."""
    return ExitCode.UNDECIDED if any(ending.otherwise for ending in endings) else ExitCode.PASS


def _findings(ending: Ending, width: int) -> list[str]:
    """Return the findings that were waited for, the one that decided, and the verdict."""
    verdict, chapter = ending.verdict, ending.chapter
    if verdict is None:
        return []
    own = {finding.check: finding for finding in verdict.findings}
    shown = [own[check] for check in chapter.wanted if check in own]
    if chapter.judges and verdict.outcome is not Outcome.PASS:
        shown += [finding for finding in verdict.findings[:1] if finding not in shown]
    lines = [_finding(finding, width) for finding in shown]
    if chapter.judges:
        lines.append(f"  {verdict.outcome} (exit code {int(verdict.exit_code())})")
    return ["\n".join(lines)]


def _finding(finding: Finding, width: int) -> str:
    words = f"{finding.outcome} {finding.check}: {escaped(finding.reason)}"
    return wrapped(words, "      ", first=INDENT, width=width)


def _pictures(case: Case) -> list[str]:
    lines = indented(upset_lines(case))
    return ["\n".join(lines)] if lines else []


def _paragraph(text: str, width: int) -> str:
    return wrapped(escaped(text), INDENT, width=width)


def _command(command: str, width: int) -> str:
    """Return a command as it is typed, over several lines where it is long."""
    lines = wrapped(command, "      ", first="  $ ", width=width - 2)
    return lines.replace("\n", " \\\n")
