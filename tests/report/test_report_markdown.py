"""The Markdown report shows hostile text as it is: no table, link, mention or tag comes of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from builders import Build, case, config, sessions, terms
from hostile import TEXTS, hostile_case
from hypothesis import given
from hypothesis import strategies as st

from perfgate.report.markdown import fitted, render, render_comment
from perfgate.report.markup import finding_row
from perfgate.tail import escaped
from perfgate.verdict.finding import Finding, Outcome, Verdict, verdict_of
from perfgate.verdict.judge import judge

if TYPE_CHECKING:
    from collections.abc import Callable

    from perfgate.verdict.case import Case

    Writer = Callable[[Case, Verdict], str]

NO_WIDTH = "\u200b"


def rendered(made: Case) -> str:
    """Return the report on a case."""
    return render(made, judge(made))


def saying(text: str) -> str:
    """Return the report on a single finding that says this text everywhere."""
    return render(case(), Verdict(Outcome.FAIL, (Finding(text, Outcome.FAIL, text, hint=text),)))


def plain(markdown: str) -> tuple[str, list[str]]:
    """Return the text that a renderer shows, and the kinds of tokens it made."""
    parser = pytest.importorskip("markdown_it").MarkdownIt("commonmark").enable("table")
    shown, kinds = [], []
    for token in parser.parse(markdown):
        kinds.append(token.type)
        for child in token.children or ():
            kinds.append(child.type)
            shown.append("\n" if child.type in {"softbreak", "hardbreak"} else child.content)
        shown.append("\n")
    return "".join(shown), kinds


def test_the_verdict_comes_first() -> None:
    """Verdict and reason head the report, then builds, what was left out, a row per finding."""
    lines = rendered(case(Build(cost=1.0))).splitlines()
    assert lines[0].endswith("perfgate: FAIL")
    assert lines[2].startswith("**CPU time per request rose")
    assert "against main (2222222222 Serve tokens)" in lines[4]
    assert lines[6] == "Left out: whether it recovers from an overload. --budget full asks all."
    assert lines[8] == "| | check | finding |"
    assert "FAIL | cost |" in lines[10]


def test_without_a_base_none_is_named() -> None:
    """A candidate alone is against nothing, and its figures have no change."""
    text = rendered(case(base=None))
    assert "against" not in text
    assert re.search(r"\| service rate \(/s\) \|  \| 400 \|  \|", text)


def test_a_hint_stands_below_its_reason() -> None:
    """What to do stands in the finding's row, on a line of its own."""
    assert "<br>\N{RIGHTWARDS ARROW} Name a base: --base REF. |" in rendered(case(base=None))


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_has_a_mark(outcome: Outcome) -> None:
    """No outcome is without its mark."""
    assert render(case(), verdict_of([Finding("x", outcome, "y")])).startswith("## ")


@pytest.mark.parametrize("text", TEXTS)
def test_hostile_text_is_shown_as_it_is(text: str) -> None:
    """A renderer shows the text itself: no element of Markdown comes of it."""
    shown, kinds = plain(saying(text))
    assert shown.replace(NO_WIDTH, "").count(escaped(text).strip()) == 4
    assert not {"link_open", "image", "code_inline", "em_open", "s_open"} & set(kinds)
    assert kinds.count("fence") == 2, "the two charts"
    assert kinds.count("html_inline") == 1, "the line break before the hint and no other tag"


@pytest.mark.parametrize("text", TEXTS)
def test_hostile_text_adds_no_row_or_column(text: str) -> None:
    """Whatever a build is called, the tables have the rows and columns that they should have."""
    calm, wild = (
        re.sub(r"\\\|", "", rendered(hostile_case(name))).splitlines() for name in ("calm", text)
    )
    assert [line.count("|") for line in calm] == [line.count("|") for line in wild]


@pytest.mark.parametrize("text", TEXTS)
def test_hostile_text_makes_no_link(text: str) -> None:
    """Nothing is left that a site makes a mention, an issue, an address or a tag of."""
    hold_no_link(rendered(hostile_case(text)))


@pytest.mark.parametrize("url", ["http://@octocat", "http://<b>x", "http://www.evil.example"])
def test_a_hostile_url_makes_no_link(url: str) -> None:
    """Where a measurement says that the service runs is text, too."""
    held_to = terms(config=config(target={"url": url, "allow_remote": True}))
    source = rendered(case(base=None, held_to=held_to))
    assert "It ran already, at http:" in source
    hold_no_link(source)


def hold_no_link(source: str) -> None:
    """Hold that a report has no mention, issue or address, and no tags but those that are ours."""
    known = source.replace("<br>", "").replace("</details>", "")
    known = re.sub("<details><summary>[A-Za-z ]+</summary>", "", known)
    assert "<" not in known
    assert not re.search(r"[@#]\w", source.replace("&#8203;", " "))
    assert "://" not in source
    assert not re.search(r"www\.", source, re.IGNORECASE)
    assert all(line.isprintable() for line in source.split("\n"))


@given(text=st.text(min_size=1).filter(str.strip))
def test_any_text_is_shown_as_it_is(text: str) -> None:
    """The law above holds for any text at all."""
    shown, kinds = plain(saying(f"x{text}x"))
    assert shown.replace(NO_WIDTH, "").count(escaped(f"x{text}x")) == 4
    assert kinds.count("html_inline") == 1


def test_large_figures_have_no_exponent() -> None:
    """A service rate of many thousands reads as such."""
    fast = sessions(4, Build(saturated=-4.0), Build(saturated=-4.0), noise=0.0)
    assert "| service rate (/s) | 21839 | 21839 | +0.0 % |" in rendered(case(sessions=fast))


def huge(name: str, findings: int) -> tuple[Case, Verdict]:
    """Return a case in which everything is called so, and so many findings that say it."""
    made = hostile_case(name)
    found = [Finding(f"{name} {n}", Outcome.FAIL, name, hint=name) for n in range(findings)]
    return made, verdict_of([*found, *judge(made).findings])


@pytest.mark.parametrize("name", ["@" * 5000, "\U0001f4a9" * 5000, "\x1b" * 5000, "|&<" * 5000])
@pytest.mark.parametrize(("write", "most"), [(render, 2**20), (render_comment, 60_000)])
def test_a_report_has_a_bound(write: Writer, most: int, name: str) -> None:
    """However long names are, and however much was found, the report fits, and says what is cut."""
    text = write(*huge(name, 400))
    assert len(text.encode()) < most
    assert text.startswith("## ")
    assert re.search(r"^Cut, as the report is too long: \d+ more findings", text, re.MULTILINE)


def test_the_least_severe_is_cut_first() -> None:
    """What has no room is the end of the findings and of the figures, and then what stands last."""
    made = case(Build(cost=1.0))
    verdict = judge(made)
    assert "Cut" not in render(made, verdict)
    text = fitted(made, verdict, 3000)
    rows = [*map(finding_row, verdict.findings)]
    shown = [row for row in rows if row in text]
    assert 0 < len(shown) < len(rows)
    assert shown == rows[: len(shown)]
    last = text.splitlines()[-1]
    assert last.startswith(f"Cut, as the report is too long: {len(rows) - len(shown)} more finding")


@given(most=st.integers(1500, 8000))
def test_a_cut_report_is_still_markdown(most: int) -> None:
    """Law: wherever it is cut, all that was opened is closed, and it is no longer than allowed."""
    made = case(Build(cost=1.0))
    text = fitted(made, judge(made), most)
    assert len(text.encode()) <= max(most, 2200)
    assert text.count("```") % 2 == 0
    assert text.count("<details>") == text.count("</details>")
