"""The HTML page in a real browser: narrow and wide, light and dark, by keyboard and on paper.

Pictures of it are kept in the directory that PERFGATE_SCREENSHOTS names, else with pytest's own.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import pytest
from hostile import TEXTS, hostile_case
from pages import PAGES, page_of
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, Page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]
Scheme = Literal["light", "dark"]
PHONE, DESKTOP = 320, 1280
# WCAG 2.2, 1.4.3: of text that is not large.
LEAST_CONTRAST = 4.5
# Of all text that is shown: what it says, its colour, and what it stands on.
TEXTS_SHOWN = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const own = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !own.getClientRects().length) continue;
    if (own.closest("title, desc, style")) continue;
    const style = getComputedStyle(own);
    let under = own;
    while (under && getComputedStyle(under).backgroundColor === "rgba(0, 0, 0, 0)") {
      under = under.parentElement;
    }
    found.push({
      text: walker.currentNode.data.trim(),
      colour: own.closest("svg") ? style.fill : style.color,
      ground: under ? getComputedStyle(under).backgroundColor : "none",
    });
  }
  return found;
}"""
NAMES_SHOWN = """() => {
  const of = (selector) => [...document.querySelectorAll(selector)].map(
    (own) => getComputedStyle(own).fill);
  return of(".plot .name").flatMap((colour) => of(".plot .layer").map(
    (ground) => ({text: "a name", colour, ground})));
}"""
FOCUSED = """() => {
  const own = document.activeElement, style = getComputedStyle(own);
  return {what: own.outerHTML.slice(0, 200), tag: own.tagName, outline: style.outlineStyle};
}"""


class Shown(NamedTuple):
    """A page that is open, and what its browser had to say and to ask for."""

    page: Page
    console: list[str]
    requests: list[str]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return a browser without a window."""
    # The kernel gives root no sandbox of the browser's kind.
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        own = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield own
        own.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """Return a window of it that knows nothing of other tests."""
    own = browser.new_context()
    yield own
    own.close()


@pytest.fixture
def shots(tmp_path: Path) -> Path:
    """Return where pictures are kept."""
    directory = Path(os.environ.get("PERFGATE_SCREENSHOTS") or tmp_path)
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def opened(
    context: BrowserContext, text: str, file: Path, *, width: int, scheme: Scheme = "light"
) -> Shown:
    """Open a page of this text in a window of this width."""
    file.write_text(text, encoding="utf-8")
    page, console, requests = context.new_page(), list[str](), list[str]()
    page.on("console", lambda message: console.append(message.text))
    page.on("pageerror", lambda error: console.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    page.goto(file.as_uri())
    return Shown(page, console, requests)


def luminance(colour: str) -> float:
    """Return the relative luminance of "rgb(1, 2, 3)" (WCAG 2.2)."""
    parts = [float(part) / 255 for part in colour.strip("rgba()").split(",")[:3]]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, from 1 to 21."""
    low, high = sorted(map(luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_that_of_the_standard() -> None:
    """Black on white has 21, and the grey that just suffices has 4.5."""
    assert contrast("rgb(0, 0, 0)", "rgb(255, 255, 255)") == pytest.approx(21)
    assert contrast("rgb(118, 118, 118)", "rgb(255, 255, 255)") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESKTOP])
@pytest.mark.parametrize("name", ["fail", "pass", "down", "warn", "searched", "stored"])
def test_the_page_is_readable(
    context: BrowserContext, tmp_path: Path, shots: Path, name: str, width: int, scheme: Scheme
) -> None:
    """No error, no request but the page, nothing to scroll sideways, and text that stands out."""
    file = tmp_path / "report.html"
    shown = opened(context, page_of(PAGES[name]), file, width=width, scheme=scheme)
    shown.page.screenshot(path=shots / f"{name}-{width}-{scheme}.png", full_page=True)
    assert shown.requests == [file.as_uri()]
    assert shown.console == []
    assert shown.page.evaluate("document.documentElement.scrollWidth") == width
    texts = [*shown.page.evaluate(TEXTS_SHOWN), *shown.page.evaluate(NAMES_SHOWN)]
    assert len(texts) > 50
    faint = [own for own in texts if contrast(own["colour"], own["ground"]) < LEAST_CONTRAST]
    assert faint == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_schemes_differ(context: BrowserContext, tmp_path: Path, scheme: Scheme) -> None:
    """Where the system is dark the page is, too."""
    shown = opened(
        context, page_of(PAGES["pass"]), tmp_path / "report.html", width=PHONE, scheme=scheme
    )
    ground = shown.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (luminance(ground) > 0.5) == (scheme == "light")


def test_the_keyboard_reaches_what_folds(context: BrowserContext, tmp_path: Path) -> None:
    """Tab reaches every link and everything that folds, visibly, and Enter unfolds it."""
    shown = opened(context, page_of(PAGES["down"]), tmp_path / "report.html", width=PHONE)
    folds = shown.page.locator("summary").count()
    links = shown.page.locator("a").count()
    reached = []
    for _ in range(200):
        shown.page.keyboard.press("Tab")
        focused = shown.page.evaluate(FOCUSED)
        if focused["tag"] == "BODY":
            break
        reached.append(focused)
        if focused["tag"] == "SUMMARY":
            shown.page.keyboard.press("Enter")
    tags = [own["tag"] for own in reached]
    assert (tags.count("SUMMARY"), tags.count("A")) == (folds, links)
    assert folds > 3
    assert shown.page.locator("details:not([open])").count() == 0
    assert [own for own in reached if own["outline"] == "none"] == []
    assert shown.page.evaluate("document.documentElement.scrollWidth") == PHONE


def test_what_folds_is_on_paper(context: BrowserContext, tmp_path: Path, shots: Path) -> None:
    """In print everything is unfolded, on white, and links to sections are left out."""
    shown = opened(
        context, page_of(PAGES["fail"]), tmp_path / "report.html", width=DESKTOP, scheme="dark"
    )
    shown.page.emulate_media(media="print", color_scheme="dark")
    shown.page.screenshot(path=shots / "fail-print.png", full_page=True)
    assert shown.page.get_by_role("table").first.is_visible()
    assert not shown.page.get_by_role("navigation").is_visible()
    ground = shown.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert luminance(ground) > 0.9


def test_a_script_would_not_run(context: BrowserContext, tmp_path: Path) -> None:
    """Even if one got into the page, its policy forbids it."""
    text = page_of(PAGES["pass"]).replace("</main>", "<script>window.ran = 1</script></main>")
    shown = opened(context, text, tmp_path / "report.html", width=PHONE)
    assert shown.page.evaluate("window.ran === undefined")
    assert "Content Security Policy" in " ".join(shown.console)


@pytest.mark.parametrize("text", [TEXTS[2], TEXTS[13], "wide" * 60])
def test_hostile_names_do_not_widen_the_page(
    context: BrowserContext, tmp_path: Path, text: str
) -> None:
    """However builds are called, a phone needs no scrolling sideways, and nothing runs."""
    shown = opened(context, page_of(hostile_case(text)), tmp_path / "report.html", width=PHONE)
    assert shown.page.evaluate("document.documentElement.scrollWidth") == PHONE
    assert shown.console == []
