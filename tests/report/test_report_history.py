"""The history of a baseline as it is shown, and as other programs read it."""

from __future__ import annotations

import csv
import math
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from builders import record
from hostile import TEXTS
from hypothesis import given
from hypothesis import strategies as st
from pages import Reader

from perfgate.baseline.chronicle import Chronicle, chronicle_of
from perfgate.baseline.lineage import Entry, Lineage
from perfgate.baseline.record import RateOfRecord
from perfgate.cli.history import FORMAT_NAMES
from perfgate.report.histories import FORMATS
from perfgate.report.history import SPARK, sparkline

GOLDENS = Path(__file__).parent / "goldens"
ENDINGS = {"terminal": "txt", "csv": "csv", "html": "html"}
START = datetime(2026, 1, 1, 10, tzinfo=UTC)


def entry(place: int, **changes: object) -> Entry:
    """Return a day's record: from the 40th on the build is slower."""
    noise = 1 + 0.02 * math.sin(place * place)
    rate = 400 * noise * (0.8 if place >= 40 else 1.0)
    level = RateOfRecord(estimate=rate, lower=0.97 * rate, upper=1.03 * rate, runs=5)
    own = record(
        commit=f"{place:02}" + "ab" * 19,
        measured_at=(START + timedelta(days=place)).isoformat(),
        **{
            "undisturbed_rps": level,
            "cost_ms": round(800 / rate, 4),
            "peak_rss_mib": round(100 / noise, 2),
            **changes,
        },
    )
    return Entry(own.as_past(), own, own.commit)


def history(*entries: Entry, unread: tuple[str, ...] = (), cut_off: bool = False) -> Chronicle:
    """Return the history of records."""
    return chronicle_of(Lineage("auth", "baselines/default/x.json", entries, unread, cut_off))


LONG = history(
    *(entry(place) for place in range(55)),
    *(entry(place, accepted_because="the fix costs this") for place in range(55, 60)),
    unread=("baselines/default/x.json at 0123456789ab is not text",),
)


def test_formats_are_the_registry() -> None:
    """The formats that the command line offers are those there are, and each has a golden."""
    assert list(FORMATS) == list(FORMAT_NAMES)
    assert list(ENDINGS) == list(FORMAT_NAMES)


@pytest.mark.parametrize("format_", FORMAT_NAMES)
def test_goldens(format_: str) -> None:
    """A history reads as it always did."""
    golden = GOLDENS / f"history.{ENDINGS[format_]}"
    text = FORMATS[format_](LONG)
    if os.environ.get("PERFGATE_GOLDENS") == "write":
        golden.write_text(text)
    assert golden.read_text() == text


def test_a_short_history_says_why_no_change_is_told() -> None:
    """Where there are too few records, and in a clone that is cut off, that is said."""
    text = FORMATS["terminal"](history(entry(0), cut_off=True))
    assert "1 record from 2026-01-01 to 2026-01-01" in text
    assert "git fetch --unshallow" in text
    assert "No change can be told from fewer than 12 records." in text
    assert "No figure has changed its level" in FORMATS["terminal"](history(*map(entry, range(30))))


@pytest.mark.parametrize("text", TEXTS)
def test_whoever_wrote_a_reason_steers_no_terminal(text: str) -> None:
    """Law: what people wrote is shown escaped, on one line, in its place in the table."""
    shown, plain = (
        FORMATS["terminal"](history(entry(0), entry(1, accepted_because=words))).splitlines()
        for words in (text, "plain")
    )
    assert len(shown) == len(plain)
    assert all(line.isprintable() for line in shown)


@pytest.mark.parametrize("text", TEXTS)
def test_nothing_that_others_wrote_is_markup(text: str) -> None:
    """Law: reasons and services stand in the page as text, and it stays well formed."""
    lineage = Lineage(text, text, (entry(0), entry(1, accepted_because=text)), (text,), True)
    page, plain = Reader(FORMATS["html"](chronicle_of(lineage))), Reader(FORMATS["html"](LONG))
    assert page.unmatched == plain.unmatched == []
    assert page.open == []
    assert {tag for tag, _ in page.elements} <= {tag for tag, _ in plain.elements}


def test_the_page_needs_nothing_else() -> None:
    """The page is whole: it has no script, no link and no address to be fetched."""
    text = FORMATS["html"](LONG)
    page = Reader(text)
    assert page.named("script", "link", "img", "iframe") == []
    assert not any(own.get("href") or own.get("src") for _, own in page.elements)
    assert "default-src 'none'" in text
    assert text.startswith("<!doctype html>")
    assert len(page.named("circle")) == 60 * 4
    assert "undisturbed rate from 399 to 321 /s" in page.text


def test_every_row_of_the_csv_is_whole() -> None:
    """Law: as Otava takes no empty field, records that lack a figure of most are left out."""
    old = [entry(place, undisturbed_rps=None, yardstick_per_s=None) for place in range(10)]
    told = FORMATS["csv"](history(*old, *map(entry, range(10, 30))))
    rows = list(csv.DictReader(told.splitlines()))
    assert [row["commit"][:2] for row in rows] == [f"{place:02}" for place in range(10, 30)]
    assert all(float(row["undisturbed_rps"]) > 0 for row in rows)
    assert all(datetime.fromisoformat(row["time"]).tzinfo for row in rows)
    few = FORMATS["csv"](history(*old, *map(entry, range(10, 15))))
    assert few.splitlines()[0] == "time,commit,service_rate_rps,cost_ms,peak_rss_mib"
    assert len(few.splitlines()) == 1 + 15


@given(st.lists(st.floats(1e-6, 1e9), min_size=1, max_size=200))
def test_sparklines_fit(figures: list[float]) -> None:
    """Law: a line is as long as the history, at most SPARK, and every record shows."""
    line = sparkline(figures)
    assert len(line) == min(len(figures), SPARK)
    assert " " not in line


def test_noise_is_no_mountain() -> None:
    """Figures that differ by a percent are drawn nearly even, a fall to the half is not."""
    noise = 100 + np.random.default_rng(1).uniform(-0.5, 0.5, 40)
    assert len(set(sparkline(noise.tolist()))) <= 2
    fall = sparkline([100.0] * 20 + [50.0] * 20)
    assert (fall[0], fall[-1]) == ("\N{FULL BLOCK}", "\N{LOWER ONE EIGHTH BLOCK}")
