"""The HTML page: what it shows of every kind of case, and that it is one safe and small file."""

from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
import zipfile
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from builders import case, cases, dependent, ledger, terms
from hostile import TEXTS, hostile_case
from hypothesis import given, settings
from hypothesis import strategies as st
from pages import PAGES, Reader, many_operations, page_of

from perfgate.measurement.models import BuildId
from perfgate.report.figures import how_measured
from perfgate.report.html.page import render
from perfgate.report.null import what_shows
from perfgate.tail import escaped
from perfgate.verdict.finding import Finding, Outcome, Verdict
from perfgate.verdict.judge import judge

if TYPE_CHECKING:
    from perfgate.verdict.case import Case

ROOT = Path(__file__).parents[2]
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
MOST_BYTES = 200 * 1024
HEADINGS = {f"h{level}" for level in range(1, 7)}
each_page = pytest.mark.parametrize("name", PAGES)


def saying(text: str) -> str:
    """Return the page of a single finding that says this text everywhere."""
    return render(case(), Verdict(Outcome.FAIL, (Finding(text, Outcome.FAIL, text, hint=text),)))


def spaced(text: str) -> str:
    """Return text with any white space as one space, as a browser shows it."""
    return " ".join(text.split())


@cache
def page(name: str) -> str:
    """Return the page on a case by its name."""
    return page_of(PAGES[name])


@cache
def reader(name: str) -> Reader:
    """Return what a browser reads in it."""
    return Reader(page(name))


def drawings(text: str) -> list[ET.Element]:
    """Return the pictures of a page; raises ParseError where one is not well formed."""
    found, depth, begin = [], 0, 0
    for mark in re.finditer("<svg |</svg>", text):
        if mark[0] == "<svg ":
            begin = begin if depth else mark.start()
            depth += 1
            continue
        depth -= 1
        if not depth:
            found.append(ET.fromstring(text[begin : mark.end()]))  # noqa: S314 - our own page
    return found


@each_page
def test_the_verdict_and_its_reason_come_first(name: str) -> None:
    """The first heading is the verdict on which build, then against which, then the reason."""
    made = PAGES[name]
    verdict, text = judge(made), spaced(reader(name).text)
    head = text.index(f"{verdict.outcome} {made.measurement.candidate.name}", len(verdict.outcome))
    assert head < text.index(spaced(verdict.reason)) < text.index("Findings")


@each_page
def test_everything_that_was_found_is_told(name: str) -> None:
    """Every finding is there with its check, outcome, reason and hint, and how it was measured."""
    made, text = PAGES[name], spaced(reader(name).text)
    for own in judge(made).findings:
        assert f"{own.outcome} {own.check} {own.reason} {own.hint}".strip() in text
    for sentence in (*how_measured(made), what_shows(made)):
        assert sentence in text


@each_page
def test_elements_are_closed_in_order(name: str) -> None:
    """Every element that is opened is closed, in order, and no identifier stands for two."""
    assert not reader(name).open
    assert not reader(name).unmatched
    known = [own["id"] for _, own in reader(name).elements if "id" in own]
    assert len(known) == len(set(known))
    targets = {own["href"] for own in reader(name).named("a")}
    assert targets <= {f"#{each}" for each in known}


@each_page
def test_pictures_are_well_formed_and_told(name: str) -> None:
    """Every picture is XML, and has a name and a description or stands beside its text."""
    found = drawings(page(name))
    assert len(found) == page(name).count('class="plot"')
    assert found
    for picture in found:
        if picture.get("aria-hidden") == "true":
            continue
        told = {part.get("id"): part.text for part in picture if part.tag in {"title", "desc"}}
        assert told.get(picture.get("aria-labelledby"))
        assert told.get(picture.get("aria-describedby"))


@each_page
def test_the_page_needs_nothing_else(name: str) -> None:
    """There is no script and no address in it, and a policy forbids both."""
    own = reader(name)
    assert {"http-equiv": "Content-Security-Policy", "content": POLICY} in own.named("meta")
    tags = {tag for tag, _ in own.elements}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "form", "base"}
    attributes = {key for _, given in own.elements for key in given}
    assert not {key for key in attributes if key.startswith("on")}
    assert not attributes & {"src", "srcset", "style", "xlink:href"}
    assert not [words for words in ("url(", "@import", "://") if words in page(name)]


@each_page
def test_headings_are_in_order(name: str) -> None:
    """There is one first heading, and none is more than one level below the one before it."""
    levels = [int(tag[1]) for tag, _ in reader(name).elements if tag in HEADINGS]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))


@each_page
def test_tables_have_captions_and_scopes(name: str) -> None:
    """Every table has a caption, every heading of a row or column says which it is."""
    own = reader(name)
    assert len(own.named("table")) == len(own.named("caption"))
    assert all(given.get("scope") in {"row", "col"} for given in own.named("th"))
    assert not re.search(r"<th[^>]*>\s*</th>", page(name))


def test_the_largest_page_is_small() -> None:
    """With thirty operations, ten sessions, many dependents and an upset it is under 200 KB."""
    assert page("large").count("<h4>") == 30
    assert points(page("large")).count("dot") + points(page("large")).count("dot later") == 10
    assert {"measured-1-queue", "demand"} <= {key(own) for own in drawings(page("large"))}
    assert len(page("large").encode()) < MOST_BYTES


def sections(name: str) -> set[str]:
    """Return the questions that a page answers."""
    return {own["id"] or "" for own in reader(name).named("section")}


def test_recovery_is_a_section_where_it_was_tried_or_is_in_doubt() -> None:
    """A page on a check that did not ask does not claim to answer."""
    assert "recovery" not in sections("pass")
    assert "recovery" in sections("recovered")
    assert "recovery" in sections("warn")


def test_what_was_measured_is_drawn() -> None:
    """There is a picture for each question that was asked, and none for one that was not."""
    shown = {name: {key(own) for own in drawings(page(name))} - {""} for name in PAGES}
    assert {"demand", "sessions-cost", "sessions-capacity", "spread-0"} <= shown["pass"]
    assert "search" in shown["searched"]
    assert "search" not in shown["pass"]
    assert {f"measured-{n}-{kind}" for n in range(3) for kind in ("calls", "queue")} <= (
        shown["down"]
    )
    assert {"simulated-0-calls", "simulated-1-queue"} <= shown["warn"]
    assert "rates" in shown["stored"]
    assert not {each for each in shown["stored"] if each.startswith("sessions")}
    assert shown["nothing"] == {"demand"}


def test_every_session_is_a_point() -> None:
    """Each session has a point in the picture of each metric, and one stands for all together."""
    kinds = points(page("inconclusive"))
    assert (kinds.count("dot"), kinds.count("mean")) == (10, 1)


def test_sessions_after_the_decision_are_hollow() -> None:
    """Points that the decision did not count are told from those that it did."""
    assert points(page_of(case(count=6))).count("dot later") == 2


def key(picture: ET.Element) -> str:
    """Return the key of a picture, "" of one that stands beside its text."""
    return (picture.get("aria-labelledby") or "").removesuffix("-name")


def points(text: str) -> list[str | None]:
    """Return the kinds of the points in the picture of the cost."""
    (cost,) = (own for own in drawings(text) if key(own) == "sessions-cost")
    return [dot.get("class") for dot in cost.iter("circle")]


def test_what_was_left_out_is_told() -> None:
    """Questions that were not asked and runs that were set aside stand under what is not known."""
    text = spaced(reader("invalid").text)
    assert "Not asked: whether it recovers from an overload." in text
    assert "Set aside: the load generator was late." in text


def test_the_end_of_a_log_is_kept() -> None:
    """The log of a build that died can be unfolded."""
    text = reader("died").text
    assert "The end of the candidate's log (session 1)" in text
    assert "starting\nout of file descriptors\n" in text


def test_the_commands_bring_it_back() -> None:
    """The page tells how to judge the same file again, and how to measure the same builds."""
    text = reader("recovered").text
    assert "perfgate judge measurement.json --format html" in text
    assert (
        f"perfgate check --candidate {'1' * 40} --base {'2' * 40} --profile default "
        "--on 2026-11-24 --seed 1 --recovery"
    ) in text
    assert "--stored" in reader("stored").text
    assert "--budget quick" in Reader(page_of(case(base=None, held_to=terms(quick=True)))).text


def test_a_command_names_images_by_their_digest() -> None:
    """What is an image of no commit is named by its digest, as it was."""
    names = [f"auth@sha256:{digit * 64}" for digit in "12"]
    builds = (BuildId(name=name, digest=name.partition("@")[2]) for name in names)
    made = case()
    measured = made.measurement.model_copy(
        update=dict(zip(("candidate", "base"), builds, strict=True))
    )
    text = Reader(page_of(made.model_copy(update={"measurement": measured}))).text
    assert f"perfgate check --candidate {names[0]} --base {names[1]} --profile default" in text


@pytest.mark.parametrize("text", TEXTS)
def test_hostile_text_is_shown_as_it_is(text: str) -> None:
    """The page shows the text itself, with marks that turn or end lines escaped."""
    shown = saying(text)
    assert spaced(Reader(shown).text).count(spaced(escaped(text))) == 4
    assert all(line.isprintable() for line in shown.split("\n"))


@pytest.mark.parametrize("text", TEXTS)
def test_hostile_text_makes_no_element(text: str) -> None:
    """Whatever builds, logs, operations and dependents are called, the page has the same tags."""
    calm, wild = (Reader(page_of(renamed(name))) for name in ("calm", text))
    assert [tag for tag, _ in calm.elements] == [tag for tag, _ in wild.elements]
    names = [sorted(own) for _, own in calm.elements]
    assert names == [sorted(own) for _, own in wild.elements]


def renamed(text: str) -> Case:
    """Return a hostile case whose service, operation and dependents have that name too."""
    made = many_operations(hostile_case(text), text)
    plan = {"from": "2026-12-15", "what": text, "add_rps": 1.0}
    changes = {
        "config": made.terms.config.model_copy(update={"service": text}),
        "ledger": ledger(dependent(text, 90.0, change=[plan])),
    }
    return made.model_copy(update={"terms": made.terms.model_copy(update=changes)})


@settings(max_examples=25)
@given(text=st.text(min_size=1).filter(str.strip))
def test_any_text_is_shown_as_it_is(text: str) -> None:
    """The law above holds for any text at all."""
    shown = saying(f"x{text}x")
    assert spaced(Reader(shown).text).count(spaced(escaped(f"x{text}x"))) == 4
    assert all(line.isprintable() for line in shown.split("\n"))


@settings(max_examples=25)
@given(made=cases())
def test_any_case_has_a_page(made: Case) -> None:
    """No measurement is too strange to be drawn: no figure in the page is not a number."""
    text = page_of(made)
    assert drawings(text)
    assert not re.search(r'="[^"]*\b(nan|inf)\b', text)


def test_the_package_has_all_that_a_page_is_made_from(tmp_path: Path) -> None:
    """What is installed has the template and its style, beside the code."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.iterdir()
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("perfgate/report/html/")}
    directory = ROOT / "perfgate" / "report" / "html"
    made_from = {str(file.relative_to(ROOT)) for file in directory.iterdir() if file.is_file()}
    assert {"perfgate/report/html/page.html", "perfgate/report/html/page.css"} < packed
    assert packed == made_from
