"""The step of a job that checks: inputs become a check, its reports what the job shows and gets.

The check is a process of its own, the command that people run. Nothing is judged here.
"""

from __future__ import annotations

import json
import re
import secrets
import subprocess
import sys
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perfgate.action.channels import NAMES, Channels
from perfgate.action.inputs import Inputs
from perfgate.exitcodes import ExitCode
from perfgate.report.commands import command
from perfgate.report.markup import MARKS, as_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# A fault as the check tells it: file:line: where and what.
FAULT = re.compile(r"(?P<file>[^:]+\.toml)(?::(?P<line>\d+))?: (?P<text>.+)")
KEPT_LINES = 100
MOST_FAULTS = 9
FILES = {"json": "verdict.json", "junit": "junit.xml"}
SUMMARY, ANNOTATIONS = "report.md", "annotations.txt"
SIGNALLED = 128
VERDICTS = (ExitCode.PASS, ExitCode.FAIL, ExitCode.UNDECIDED)


@dataclass(frozen=True, slots=True)
class Ended:
    """How the check ended, and the last lines that it said on standard error."""

    code: int
    said: tuple[str, ...]

    @property
    def meaning(self) -> str:
        """Return the meaning of the exit code, in words."""
        known = self.code in list(ExitCode)
        return ExitCode(self.code).meaning if known else f"perfgate ended with {self.code}"


def run_check(environ: Mapping[str, str]) -> int:
    """Check as the inputs say, show what came of it, and return the exit code of the check.

    Raises UsageError for inputs that make no sense.
    """
    inputs, channels = Inputs.of(environ), Channels(environ)
    ended = _checked(inputs, environ)
    tell(inputs, ended, channels)
    return ended.code


def tell(inputs: Inputs, ended: Ended, channels: Channels) -> None:
    """Give the job the verdict that was kept, or why there is none: outputs, summary, annotations.

    A verdict that was kept by a check that did not end with one is none.
    """
    if ended.code in VERDICTS and (inputs.output / FILES["json"]).is_file():
        channels.tell(_outputs(inputs, ended), (inputs.output / SUMMARY).read_text("utf-8"))
        _show((inputs.output / ANNOTATIONS).read_text("utf-8").rstrip("\n"))
        return
    reason = _from_top(inputs, _reason(ended))
    told = {"exit-code": str(ended.code), "reason": reason}
    channels.tell(told, _nothing_judged(inputs, ended, reason))
    _show("\n".join(_complaints(inputs, ended, reason)))


def _checked(inputs: Inputs, environ: Mapping[str, str]) -> Ended:
    """Run the check; nothing that it shows can be a command to the runner."""
    # Without -P a file of the checkout could take the place of any module.
    words = [sys.executable, "-P", "-m", "perfgate", "check", *inputs.words]
    own = {name: value for name, value in environ.items() if name not in NAMES}
    token = secrets.token_hex(16)
    _show(f"::stop-commands::{token}")
    said = deque[str](maxlen=KEPT_LINES)
    with subprocess.Popen(
        words, cwd=inputs.directory, env=own, stderr=subprocess.PIPE, text=True, errors="replace"
    ) as process:
        try:
            code = _listened(process, said)
        except KeyboardInterrupt:
            process.terminate()
            code = _listened(process, said)
    _show(f"::{token}::")
    return Ended(code if code >= 0 else SIGNALLED - code, tuple(said))


def _listened(process: subprocess.Popen[str], said: deque[str]) -> int:
    """Pass on what the process says, keep the end of it, and return its exit code."""
    for line in process.stderr or ():
        said.append(line.rstrip("\n"))
        sys.stderr.write(line)
        sys.stderr.flush()
    return process.wait()


def _show(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - the runner reads commands from standard output


def _outputs(inputs: Inputs, ended: Ended) -> dict[str, str]:
    """Return the outputs that a verdict gives."""
    document = json.loads((inputs.output / FILES["json"]).read_text("utf-8"))
    rows = {row["name"]: row for row in document["figures"]}
    headroom = document["headroom"] or {}
    return {
        "verdict": document["verdict"],
        "reason": document["reason"],
        "exit-code": str(ended.code),
        "report": str(inputs.output),
        **{name: str(inputs.output / file) for name, file in FILES.items()},
        "service-rate": _figure(rows.get("service rate", {}).get("candidate"), ".1f"),
        "headroom": _figure(headroom.get("ratio"), ".2f"),
        "cost-change-percent": _figure(
            rows.get("cost per request", {}).get("change_percent"), ".1f"
        ),
    }


def _figure(value: float | None, digits: str) -> str:
    return "" if value is None else f"{value:{digits}}"


def _reason(ended: Ended) -> str:
    """Return the error that the check told, else the meaning of its exit code."""
    told = [line.removeprefix("error: ") for line in ended.said if line.startswith("error: ")]
    return told[0] if told else ended.meaning


def _nothing_judged(inputs: Inputs, ended: Ended, reason: str) -> str:
    """Return a summary of a check without a verdict."""
    lines = [
        f"## {MARKS['INCONCLUSIVE']} perfgate: nothing was judged (exit code {ended.code})",
        "",
        f"**{as_text(reason)}**",
        "",
        *(f"- {as_text(_from_top(inputs, line))}" for line in ended.said if _is_told(line)),
    ]
    return "\n".join(lines).rstrip("\n") + "\n"


def _is_told(line: str) -> bool:
    return line.startswith("hint: ") or FAULT.fullmatch(line) is not None


def _from_top(inputs: Inputs, text: str) -> str:
    """Return a text in which paths of the checkout are as seen from its top."""
    return text.replace(f"{inputs.workspace}/", "")


def _complaints(inputs: Inputs, ended: Ended, reason: str) -> Iterator[str]:
    """Yield a command for each fault of a file, else one for the error."""
    faults = [found for found in map(FAULT.fullmatch, ended.said) if found]
    for fault in faults[:MOST_FAULTS]:
        file = _from_top(inputs, str((inputs.directory / fault["file"]).resolve()))
        place = {"file": file, "line": fault["line"] or "1"}
        yield command("error", {**place, "title": "perfgate"}, fault["text"])
    if not faults or len(faults) > MOST_FAULTS:
        yield command("error", {"title": "perfgate"}, reason)
