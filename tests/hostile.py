"""Names as an attacker would choose them; nothing is asserted here."""

from __future__ import annotations

from builders import config, discarded, incident, measurement, record, terms

from perfgate.measurement.models import BuildId
from perfgate.verdict.case import Case

TEXTS = (
    "a | b | c",
    "`code` and ```fence```",
    "<script>alert(1)</script>",
    "<!-- comment --> &amp; &lt;",
    "@octocat and user@example.org",
    "fixes #1 and org/repo#2",
    "[click](https://evil.example/x)",
    "![image](http://evil.example/x.png)",
    "https://evil.example/?q=1#2",
    "WWW.evil.example and www.evil.example",
    "**bold** _thin_ ~~gone~~ $math$ !",
    "\\| backslash \\",
    "two\nlines\r\nand\ttab",
    "\x1b[31mred\x1b[0m \x07 \u202etxet",
    "# heading",
    "::set-output name=verdict::pass",
)


def hostile_case(text: str) -> Case:
    """Return a case in which everything that comes from a build or a file is this text."""
    made = measurement(
        candidate=BuildId(name=text),
        base=BuildId(name=text, commit="2" * 40),
        incidents=(incident(text=text, stage=text, log=(text,)),),
        discarded=discarded(1, text),
    )
    promised = config(slo={text: {"p95_ms": 10.0}})
    stored = record(accepted_because=text)
    return Case(measurement=made, terms=terms(config=promised, baseline=stored))
