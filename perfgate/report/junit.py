"""The verdict as JUnit XML, for programs that show tests: a test case for each finding.

FAIL is a failure; INVALID and INCONCLUSIVE are errors, as nothing was shown; WARN passes and says
so. Which exit code that makes is not theirs to know.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from perfgate.report.figures import seconds_of_load
from perfgate.report.null import what_shows
from perfgate.tail import escaped
from perfgate.verdict.finding import Finding, Outcome
from perfgate.verdict.scope import left_out, left_out_words

if TYPE_CHECKING:
    from perfgate.verdict.case import Case
    from perfgate.verdict.finding import Verdict

NAME = "perfgate"
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'
KINDS = {Outcome.FAIL: "failure", Outcome.INVALID: "error", Outcome.INCONCLUSIVE: "error"}


def render(case: Case, verdict: Verdict) -> str:
    """Return a document with one suite, that of the service; it always has a test case."""
    findings = verdict.findings or (Finding("verdict", verdict.outcome, verdict.reason),)
    kinds = Counter(KINDS.get(finding.outcome) for finding in findings)
    counts = {
        "tests": str(len(findings)),
        "failures": str(kinds["failure"]),
        "errors": str(kinds["error"]),
        "time": f"{seconds_of_load(case):.3f}",
    }
    root = ET.Element("testsuites", {"name": NAME, **counts})
    service = escaped(case.terms.config.service)
    # What is a date for us is one without a zone for JUnit.
    taken_at = case.measurement.taken_at.partition("+")[0]
    suite = ET.SubElement(root, "testsuite", {"name": service, "timestamp": taken_at, **counts})
    _add_properties(suite, case, verdict)
    for name, finding in zip(_names(findings), findings, strict=True):
        _add_case(suite, f"{NAME}.{service}", name, finding)
    said = "\n".join(escaped(own) for own in (left_out_words(case), what_shows(case)) if own)
    ET.SubElement(suite, "system-out").text = said
    ET.indent(root)
    return f"{DECLARATION}\n{ET.tostring(root, encoding='unicode')}\n"


def _add_properties(suite: ET.Element, case: Case, verdict: Verdict) -> None:
    told = {
        "verdict": str(verdict.outcome),
        "reason": verdict.reason,
        "left_out": "; ".join(left_out(case)),
        "candidate": case.measurement.candidate.name,
        "against": case.against,
        "profile": case.measurement.profile,
    }
    properties = ET.SubElement(suite, "properties")
    for name, value in told.items():
        ET.SubElement(properties, "property", name=name, value=escaped(value))


def _names(findings: tuple[Finding, ...]) -> list[str]:
    """Return the checks, with a number where one has found several things."""
    seen = Counter[str]()
    names = []
    for finding in findings:
        seen[finding.check] += 1
        count = seen[finding.check]
        names.append(escaped(finding.check + (f" ({count})" if count > 1 else "")))
    return names


def _add_case(suite: ET.Element, classname: str, name: str, finding: Finding) -> None:
    own = ET.SubElement(suite, "testcase", classname=classname, name=name, time="0")
    reason = escaped(finding.reason)
    text = f"{reason}\n{escaped(finding.hint)}" if finding.hint else reason
    kind = KINDS.get(finding.outcome)
    if kind is None:
        ET.SubElement(own, "system-out").text = f"{finding.outcome}: {text}"
    else:
        ET.SubElement(own, kind, type=str(finding.outcome), message=reason).text = text
