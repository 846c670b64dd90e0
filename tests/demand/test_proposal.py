"""What was seen enters a ledger; all else in it stays as it was written."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.demand.demand import first_try_rps
from perfgate.demand.ledger import parse_ledger
from perfgate.demand.proposal import Proposal, Terms, propose
from perfgate.demand.sources.observed import Observation, Observed
from perfgate.errors import FileFaultsError, UsageError

PATH = Path("demand.toml")
ON = date(2026, 7, 1)
SOURCE = "a log"
WHOLE = Terms(timeout_s=2.0, attempts=3)

LEDGER = """\
# Who calls us.
format = "perfgate.demand/1"

[[dependent]]
name = "gateway"   # the edge
  peak_rps = 40.0  # by hand
mix = { introspect = 0.75, token = 0.25 } # guessed
timeout_s = 1.0
measured_on = "2025-01-01" # long ago

  # what is planned
  [[dependent.change]]
  from = "2030-12-01"
  what = "growth"
  scale = 3.0

[[dependent]]
name = "mail"
source = 'by hand'
peak_rps = 10
timeout_s = 2.0

  # of a test
  [dependent.mix]
  # mostly
  token = 0.9 # t
  login = 0.1

# the oldest
[[dependent]]
name = "web"
peak_rps = 1
mix.token = 0.5
mix.login = 0.5
timeout_s = 2.0
# the end
"""

PROPOSED = """\
# Who calls us.
format = "perfgate.demand/1"

[[dependent]]
name = "gateway"   # the edge
  peak_rps = 80.5  # by hand
  source = "a log"
mix = { token = 1.0 } # guessed
timeout_s = 1.0
measured_on = "2026-07-01" # long ago

  # what is planned
  [[dependent.change]]
  from = "2030-12-01"
  what = "growth"
  scale = 3.0

[[dependent]]
name = "mail"
source = "a log"
peak_rps = 12.0
measured_on = 2026-07-01
timeout_s = 2.0

  # of a test
  [dependent.mix]
  # mostly
  token = 0.5 # t
  refresh = 0.5

# the oldest
[[dependent]]
name = "web"
peak_rps = 2.0
source = "a log"
measured_on = 2026-07-01
mix.token = 0.25
mix.login = 0.75
timeout_s = 2.0
# the end

[[dependent]]
name = "batch"
peak_rps = 5.0
peak_cv = 0.07
mix = { "of files" = 1.0 }
timeout_s = 2.0
attempts = 3
source = "a log"
measured_on = 2026-07-01
"""

names = st.text(st.characters(codec="utf-8"), min_size=1)
rates = st.floats(0.001, 1e6)


def seen(name: str, peak_rps: float, cv: float | None = None, **mix: float) -> Observed:
    """Return what was seen of a dependent."""
    return Observed(name, peak_rps, cv, mix)


def proposed(
    text: str, *rows: Observed, terms: Terms = WHOLE, on: date = ON, source: str = SOURCE
) -> Proposal:
    """Return what is proposed to a ledger where these were seen."""
    return propose(PATH, text, Observation(rows, source, on, ("odd",)), terms)


def test_golden() -> None:
    """Four keys of entries that exist are set in their places, new ones come at the end."""
    found = proposed(
        LEDGER,
        seen("gateway", 80.5, token=1.0),
        seen("mail", 12.0, token=0.5, refresh=0.5),
        seen("web", 2.0, token=0.25, login=0.75),
        seen("batch", 5.0, 0.07, **{"of files": 1.0}),
    )
    assert found.text == PROPOSED
    assert (found.updated, found.added) == (("gateway", "mail", "web"), ("batch",))
    assert (found.lacking, found.remarks) == ({}, ("odd",))


def test_a_planned_mix_that_holds_by_then_is_left() -> None:
    """Law: what is sent once a planned mix is in force is not the mix of the entry."""
    plan = '\n[[dependent.change]]\nfrom = "2026-06-30"\nwhat = "log in"\nmix = { login = 1.0 }\n'
    end = "mix.login = 0.5\ntimeout_s = 2.0\n"
    text = LEDGER.replace(end, end + plan)
    assert text != LEDGER
    found = proposed(text, seen("web", 2.0, token=0.25, login=0.75))
    assert "mix.token = 0.5\nmix.login = 0.5\n" in found.text
    assert 'web: its mix is left as "log in" gives it' in found.remarks
    earlier = proposed(text, seen("web", 2.0, token=0.25, login=0.75), on=date(2026, 6, 29))
    assert "mix.token = 0.25\nmix.login = 0.75\n" in earlier.text


def test_what_is_so_already_stays() -> None:
    """Law: proposed again, the same figures change nothing, not a blank."""
    rows = [seen("gateway", 80.5, token=1.0), seen("batch", 5.0, 0.07, **{"of files": 1.0})]
    assert proposed(PROPOSED, *rows).text == PROPOSED
    assert proposed(PROPOSED, *rows).updated == ()
    whole = PROPOSED.replace("peak_rps = 12.0", "peak_rps = 12")
    assert proposed(whole, seen("mail", 12.0)).text == whole


@given(rates, st.booleans(), st.sampled_from(["\n", "\r\n"]))
def test_only_four_keys_change(rate: float, with_mix: bool, end: str) -> None:
    """Law: in an entry only peak, mix, source and day differ, and all other lines are as before."""
    text = LEDGER.replace("\n", end)
    mix = {"token": 1.0} if with_mix else {}
    after = proposed(text, seen("gateway", rate, 0.3, **mix)).text
    old, new = (tomllib.loads(one)["dependent"] for one in (text, after))
    changed = {key for key in new[0] if old[0].get(key) != new[0][key]}
    assert {"source", "measured_on"} <= changed <= {"peak_rps", "mix", "source", "measured_on"}
    assert old[1:] == new[1:]
    kept = [line for line in text.split("\n") if line not in after.split("\n")]
    assert len(kept) <= 3
    assert after.count("\r") == (after.count("\n") if end == "\r\n" else 0)


@given(
    rates,
    st.floats(0.1, 10),
    st.floats(0.1, 5),
    st.floats(0, 100),
    st.none() | st.tuples(st.floats(0, 600), st.integers(1, 10_000)),
    st.booleans(),
)
def test_the_ledgers_demand_is_what_was_seen(
    rate: float,
    calls: float,
    scale: float,
    added: float,
    cache: tuple[float, int] | None,
    in_force: bool,
) -> None:
    """Law: with calls, cache and changes counted, the demand on the day seen is what was seen."""
    day = "2026-07-01" if in_force else "2026-07-02"
    row = '[[dependent]]\nname = "a"\npeak_rps = 1\ntimeout_s = 1\nmix = { token = 1 }\n'
    row += f"calls_per_request = {calls!r}\n"
    if cache:
        row += f"cache = {{ ttl_s = {cache[0]!r}, active_tokens = {cache[1]} }}\n"
    row += f'[[dependent.change]]\nfrom = {day}\nwhat = "x"\nscale = {scale!r}\n'
    text = f'format = "perfgate.demand/1"\n{row}add_rps = {added!r}\n'
    found = proposed(text, seen("a", rate))
    if not found.updated:
        assert found.text == text
        assert "is left as it is" in found.remarks[1]
        return
    [one] = parse_ledger(PATH, found.text).dependents
    # The peak has four digits; what is added to it and a cache's renewals are not rounded.
    least = first_try_rps(one.model_copy(update={"peak_rps": one.peak_rps * 0.9994}), ON)
    most = first_try_rps(one.model_copy(update={"peak_rps": one.peak_rps * 1.0006}), ON)
    assert least * (1 - 1e-9) <= rate <= most * (1 + 1e-9)


def test_figures_that_contradict_the_entry_are_told() -> None:
    """Law: more than a cache lets through changes nothing, and is told."""
    cached = LEDGER.replace(
        "peak_rps = 10", "cache = { ttl_s = 60, active_tokens = 60 }\npeak_rps = 10"
    )
    found = proposed(cached, seen("mail", 1.0))
    assert (found.text, found.updated) == (cached, ())
    assert found.remarks[1] == (
        "mail: is left as it is: its cache or its planned changes do not go with the 1.0/s that "
        "were seen"
    )


def test_a_peak_that_is_counted_back_is_told() -> None:
    """Law: where the entry's peak is not the rate that was seen, it says why."""
    text = LEDGER.replace("peak_rps = 10", "calls_per_request = 2\npeak_rps = 10")
    found = proposed(text, seen("mail", 12.0, 0.07))
    assert tomllib.loads(found.text)["dependent"][1]["peak_rps"] == 6.0
    assert found.remarks[1:3] == (
        "mail: 12.0/s were seen; its calls_per_request, cache and changes in force make them of a "
        "peak_rps of 6.0",
        "mail: its peak varies by peak_cv = 0.07 from week to week",
    )


def test_who_was_not_seen_is_told_with_the_near_match() -> None:
    """Law: an entry that the source does not know is told, with how to name it if it does."""
    found = proposed(LEDGER, seen("gateways", 1.0, token=1.0), seen("mail", 1.0))
    assert found.remarks[1:] == (
        'gateway: is in the ledger, but was not seen (did you mean "gateways"? --rename does that)',
        "web: is in the ledger, but was not seen",
    )


def test_who_is_told_of_already_is_no_stranger() -> None:
    """Law: of an entry that was seen, but not asked for, nobody says that it was not seen."""
    rows = Observation((seen("mail", 1.0),), SOURCE, ON, ("not asked for: gateway",))
    found = propose(PATH, LEDGER, replace(rows, told=frozenset(["gateway"])), WHOLE)
    assert found.remarks == (*rows.remarks, "web: is in the ledger, but was not seen")


def test_new_entries_need_what_no_source_tells() -> None:
    """Law: what is missing stands in the proposal as a remark, and is listed."""
    found = proposed(LEDGER, seen("batch", 5.0), terms=Terms())
    assert found.lacking == {"batch": ("timeout_s", "attempts", "mix")}
    assert found.text == LEDGER + (
        '\n[[dependent]]\nname = "batch"\npeak_rps = 5.0\n# mix = ... is still to be given\n'
        "# timeout_s = ... is still to be given\n# attempts = ... is still to be given\n"
        'source = "a log"\nmeasured_on = 2026-07-01\n'
    )
    with_default = LEDGER.replace("\n\n", "\ndefault_mix = { token = 1.0 }\n\n", 1)
    assert proposed(with_default, seen("batch", 5.0)).lacking == {}


@given(names, names, names)
def test_any_name_enters_and_is_found_again(name: str, operation: str, source: str) -> None:
    """Law: whatever callers call themselves, a new ledger of them is valid and says just that."""
    row = Observed(name, 5.0, None, {operation: 1.0})
    found = proposed("", row, source=source)
    [one] = parse_ledger(PATH, found.text).dependents
    assert (one.name, one.mix, one.source) == (name, {operation: 1.0}, source)
    assert proposed(found.text, row, source=source).text == found.text


def test_a_text_without_a_last_line_end() -> None:
    """Law: what is added to a file that does not end its last line begins a new one."""
    text = LEDGER.removesuffix("# the end\n").removesuffix("\n")
    assert parse_ledger(PATH, proposed(text, seen("batch", 5.0, token=1.0)).text)


def test_entries_in_one_array() -> None:
    """Law: entries written as one array are set in place; none can be added, and that is told."""
    text = 'format = "perfgate.demand/1"\ndependent = [\n'
    text += '  { name = "a", peak_rps = 1, timeout_s = 1, mix = { t = 1 } }, # the one\n]\n'
    found = proposed(text, seen("a", 2.0, u=1.0))
    [one] = parse_ledger(PATH, found.text).dependents
    assert (one.peak_rps, one.mix, one.measured_on) == (2.0, {"u": 1.0}, ON)
    assert "# the one" in found.text
    with pytest.raises(UsageError, match=r"not written as \[\[dependent\]\]"):
        proposed(text, seen("b", 2.0, u=1.0))


def test_a_ledger_that_cannot_be_edited_in_place_is_refused() -> None:
    """Law: rather than move parts of the file about, perfgate says what stands in the way."""
    text = LEDGER + '\n[default_mix]\ntoken = 1.0\n\n[[dependent]]\nname = "x"\n'
    text += "peak_rps = 1\ntimeout_s = 1\n"
    assert parse_ledger(PATH, text)
    with pytest.raises(UsageError, match="without moving its parts"):
        proposed(text, seen("mail", 1.0))


def test_what_is_no_ledger_is_refused() -> None:
    """Law: faults of the ledger come first; a figure beyond the format's bounds is one too."""
    with pytest.raises(FileFaultsError):
        proposed(LEDGER.replace("timeout_s", "timeout"), seen("mail", 1.0))
    with pytest.raises(FileFaultsError):
        proposed(LEDGER, seen("mail", 1e12))


def test_no_peak_is_known_for_certain() -> None:
    """Law: a spread of nothing is written as the least there is, one beyond all as the most."""
    for cv, written in ((0.0, 0.01), (1e9, 10.0)):
        text = proposed("", replace(seen("a", 1.0, token=1.0), peak_cv=cv)).text
        assert tomllib.loads(text)["dependent"][0]["peak_cv"] == written
