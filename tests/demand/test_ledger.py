"""A ledger is read whole, or every fault in it is told with its line."""

from __future__ import annotations

import tomllib
from datetime import date
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledgers import dependent, ledger
from pydantic import ValidationError

from perfgate.demand.ledger import (
    Budget,
    Cache,
    Change,
    Dependent,
    Ledger,
    Spread,
    check_operations,
    load_ledger,
)
from perfgate.errors import FileFaultsError, UsageError
from perfgate.faults import Fault

if TYPE_CHECKING:
    from pathlib import Path

# On a busy machine an example may take its time; that is not what these laws are about.
patient = settings(deadline=None)

SMALLEST = """\
format = "perfgate.demand/1"

[[dependent]]
name = "api-gateway"
peak_rps = 60.0
timeout_s = 1
mix = { verify = 0.97, login = 0.03 }
"""

FULL = (
    SMALLEST
    + """
[[dependent]]
name = "smtp-inbound"
owner = "mail"
source = "access logs"
measured_on = 2018-06-01
peak_rps = 30
peak_cv = 0.15
calls_per_request = 2
timeout_s = 5.0
attempts = 2
upstream_attempts = 2
backoff = { kind = "exponential", base_s = 0.1, factor = 2, max_s = 1.0, jitter = "full" }
budget = { kind = "per_request", ratio = 0.2, min_rps = 10, clients = 2 }
cache = { ttl_s = 60, active_tokens = 400 }

  [dependent.mix]
  login = 1

  [[dependent.change]]
  from = 2018-07-13
  what = "delegate authentication"
  why = "one place for passwords"
  scale = [1.2, 1.4, 1.7]

  [[dependent.change]]
  from = "2018-08-01"
  what = "a second site"
  add_rps = 66
  mix = { login = 0.5, verify = 0.5 }
"""
)


def write(tmp_path: Path, text: str) -> Path:
    """Write a ledger and return its path."""
    path = tmp_path / "demand.toml"
    path.write_text(text, encoding="utf-8")
    return path


def faults_of_text(tmp_path: Path, text: str) -> list[Fault]:
    """Return the faults of a ledger written as ``text``."""
    with pytest.raises(FileFaultsError) as caught:
        load_ledger(write(tmp_path, text))
    return list(caught.value.faults)


def test_the_smallest_entry_is_the_worst_case(tmp_path: Path) -> None:
    """Four keys are enough; whoever says nothing of retries and caches has none."""
    [only] = load_ledger(write(tmp_path, SMALLEST)).dependents
    assert only == Dependent(
        name="api-gateway", peak_rps=60, timeout_s=1, mix={"verify": 0.97, "login": 0.03}
    )
    assert (only.attempts, only.budget.kind, only.cache) == (1, "none", None)


def test_everything_that_is_written_is_read(tmp_path: Path) -> None:
    """Every field of the format arrives, dates also when written as text."""
    smtp = load_ledger(write(tmp_path, FULL)).dependents[1]
    assert smtp.cache == Cache(ttl_s=60, active_tokens=400)
    assert smtp.budget == Budget(kind="per_request", ratio=0.2, min_rps=10, clients=2)
    assert (smtp.backoff.kind, smtp.backoff.jitter) == ("exponential", "full")
    assert (smtp.owner, smtp.source, smtp.measured_on) == ("mail", "access logs", date(2018, 6, 1))
    assert smtp.changes == (
        Change(
            effective_from=date(2018, 7, 13),
            what="delegate authentication",
            why="one place for passwords",
            scale=Spread(1.2, 1.4, 1.7),
        ),
        Change(
            effective_from=date(2018, 8, 1),
            what="a second site",
            add_rps=66,
            mix={"login": 0.5, "verify": 0.5},
        ),
    )


def test_a_single_scale_is_certain(tmp_path: Path) -> None:
    """One number is low, likely and high at once."""
    text = FULL.replace("[1.2, 1.4, 1.7]", "2")
    assert load_ledger(write(tmp_path, text)).dependents[1].changes[0].scale == Spread(2, 2, 2)


def test_the_default_mix_holds_for_those_without_one(tmp_path: Path) -> None:
    """A ledger-wide mix serves dependents without one and leaves the others alone."""
    text = SMALLEST.replace("mix = ", "#") + '[[dependent]]\nname="b"\npeak_rps=1\ntimeout_s=1\n'
    text = f"default_mix = {{ login = 1.0 }}\n{text}mix = {{ verify = 1.0 }}\n"
    book = load_ledger(write(tmp_path, text))
    assert [book.mix_of(one) for one in book.dependents] == [{"login": 1.0}, {"verify": 1.0}]


def test_all_faults_of_a_ledger_come_at_once(tmp_path: Path) -> None:
    """Faults of single fields and between dependents come together, each complete."""
    faults = faults_of_text(
        tmp_path,
        """\
format = "perfgate.demand/1"

[[dependent]]
name = "gateway"
peak_rps = -60.0
timeout_s = 1.0
mix = { verify = 0.9, login = 0.2 }

[[dependent]]
name = "smtp"
peak_rps = 30
timout_s = 5.0
budget = { kind = "per_request", ratio = 20 }

[[dependent]]
name = "gateway"
peak_rps = 1
timeout_s = 1
mix = { login = 1 }

  [[dependent.change]]
  from = 2018-07-13
  what = "growth"
  add_rps = -3

  [[dependent.change]]
  from = 2018-08-13
  what = "more logins"
  mix = { login = 0.5, verify = 0.4 }
""",
    )
    assert faults == [
        Fault(5, "dependent[gateway].peak_rps", "must be a number of at least 0", "-60.0"),
        Fault(7, "dependent[gateway].mix", "the shares must sum to 1, not to 1.1"),
        Fault(
            9,
            "dependent[smtp].mix",
            "is missing",
            hint="give it one, like { login = 1.0 }, or give the ledger a [default_mix]",
        ),
        Fault(
            9,
            "dependent[smtp].timeout_s",
            "is missing",
            hint="How long the dependent waits for an answer.",
        ),
        Fault(
            12,
            "dependent[smtp].timout_s",
            "is not a known key",
            "5.0",
            'did you mean "timeout_s"?',
        ),
        Fault(13, "dependent[smtp].budget.ratio", "must be a number of at most 1", "20"),
        Fault(
            16,
            "dependent[gateway].name",
            "is the name of another dependent too",
            '"gateway"',
            "the first one is number 1 in the file, this is 3",
        ),
        Fault(24, "dependent[gateway].change[#1].add_rps", "must be a number of at least 0", "-3"),
        Fault(29, "dependent[gateway].change[#2].mix", "the shares must sum to 1, not to 0.9"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "where", "problem"),
    [
        ("scale = [1.2, 1.4, 1.7]", "scale = [1, 2]", "scale", "must be a number or [low, likely"),
        ("scale = [1.2, 1.4, 1.7]", 'scale = "2"', "scale", "must be a number or [low, likely"),
        ("scale = [1.2, 1.4, 1.7]", "scale = true", "scale", "must be a number or [low, likely"),
        ("scale = [1.2, 1.4, 1.7]", "scale = [3, 2, 1]", "scale", "must lie between 0 and 100, "),
        ("scale = [1.2, 1.4, 1.7]", "scale = -1", "scale", "must lie between 0 and 100, "),
        ("scale = [1.2, 1.4, 1.7]", "scale = nan", "scale", "must lie between 0 and 100, "),
        ("from = 2018-07-13", "from = 20180713", "from", "must be a date like 2018-07-13"),
        ("from = 2018-07-13", 'from = "13.07.2018"', "from", "must be a date like 2018-07-13"),
        ("add_rps = 66", "add_rps = -66", "add_rps", "must be a number of at least 0"),
        ("attempts = 2", "attempts = 0", "attempts", "must be a number of at least 1"),
        ("attempts = 2", "attempts = 2.5", "attempts", "must be a whole number"),
        ("timeout_s = 5.0", "timeout_s = 0", "timeout_s", "must be a number greater than 0"),
        ('"exponential"', '"expnential"', "kind", 'must be one of "none", "fixed", "expon'),
        ("base_s = 0.1", "base_s = 0.0", "backoff", 'kind "exponential" needs base_s greater'),
        ("max_s = 1.0", "max_s = 0.01", "backoff", "max_s must not be less than base_s"),
        ("ratio = 0.2, ", "", "budget", 'kind "per_request" needs a ratio'),
        ('"per_request"', '"none"', "budget", 'kind "none" takes no ratio and no min_rps'),
        ('"per_request"', '"per_success"', "budget", 'min_rps belongs to kind "per_request"'),
        ('"per_request", ratio = 0.2', '"concurrency", ratio = 1', "budget", 'kind "concurrency"'),
        ('kind = "per_request", ', "", "kind", "is missing"),
        ("active_tokens = 400", "active_tokens = 0", "active_tokens", "must be a number of at"),
        ("login = 1\n", "login = 1.5\n", "login", "must be a number of at most 1"),
        ("demand/1", "demand/2", "format", 'must be one of "perfgate.demand/1"'),
    ],
)  # fmt: skip
def test_each_fault_has_its_line_and_sentence(
    tmp_path: Path, old: str, new: str, where: str, problem: str
) -> None:
    """A wrong value is told at the line where it stands, by the field's name in the file."""
    assert old in FULL
    line = FULL[: FULL.index(old)].count("\n") + 1
    [fault] = faults_of_text(tmp_path, FULL.replace(old, new, 1))
    assert (fault.line, fault.where.rpartition(".")[2]) == (line, where)
    assert fault.problem.startswith(problem)


@pytest.mark.parametrize("text", ["", 'format = "perfgate.demand/1"\n'])
def test_a_ledger_without_dependents_is_none(tmp_path: Path, text: str) -> None:
    """An empty ledger is a fault, not a demand of nothing."""
    missing = [fault.where for fault in faults_of_text(tmp_path, text)]
    assert "dependent" in missing


def test_a_ledger_that_does_not_say_its_format_is_told_which_it_is(tmp_path: Path) -> None:
    """What has to stand in a key that is missing need not be guessed."""
    (fault,) = faults_of_text(tmp_path, FULL.replace('format = "perfgate.demand/1"', ""))
    assert (fault.where, fault.problem) == ("format", "is missing")
    assert fault.hint == 'Format of the file. It is "perfgate.demand/1".'


@pytest.mark.parametrize(
    "text", ["dependent = 3", "dependent = [1, 2]", "[dependent]\nname = 'a'", "[[dependent]]"]
)
def test_wrong_shapes_are_faults(tmp_path: Path, text: str) -> None:
    """Laws between dependents survive a file in which dependents are something else."""
    faults = faults_of_text(tmp_path, f'format = "perfgate.demand/1"\n{text}\n')
    assert all(fault.line in {2, 3} for fault in faults)
    assert all(fault.where.startswith("dependent") for fault in faults)


def test_a_missing_ledger_is_a_fault_of_usage(tmp_path: Path) -> None:
    """A path that is not there names the file that was probably meant."""
    write(tmp_path, SMALLEST)
    with pytest.raises(UsageError) as caught:
        load_ledger(tmp_path / "demands.toml")
    assert caught.value.hint == 'did you mean "demand.toml"?'


def test_python_names_are_no_keys_of_the_file(tmp_path: Path) -> None:
    """The file has one spelling for each key, though code may use the field's name."""
    text = FULL.replace("from = 2018-07-13", "effective_from = 2018-07-13")
    wheres = [fault.where for fault in faults_of_text(tmp_path, text)]
    assert wheres == [
        "dependent[smtp-inbound].change[#1].from",
        "dependent[smtp-inbound].change[#1].effective_from",
    ]


@patient
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_a_mix_sums_to_one_within_a_millionth(weights: list[float]) -> None:
    """Shares rounded to seven digits still count as summing to 1; a tenth too much does not."""
    total = sum(weights) or 1.0
    weights = weights if sum(weights) else [1.0, *weights[1:]]
    mix = {f"o{number}": round(weight / total, 8) for number, weight in enumerate(weights)}
    assert dependent(mix=mix).mix == mix
    with pytest.raises(ValidationError, match="must sum to 1"):
        dependent(mix={**{name: share * 0.9 for name, share in mix.items()}})


def test_known_operations_have_no_faults(tmp_path: Path) -> None:
    """A ledger that names only operations of the Locust file is in order; the file is not read."""
    book = load_ledger(write(tmp_path, FULL))
    assert check_operations(tmp_path / "gone.toml", book, {"login", "verify", "token"}) == []


def test_unknown_operations_are_found_with_their_lines(tmp_path: Path) -> None:
    """Each share of an operation that does not exist has its line and the near match."""
    path = write(tmp_path, FULL)
    book = load_ledger(path)
    assert check_operations(path, book, ["verify", "logon"]) == [
        Fault(
            7,
            "dependent[api-gateway].mix.login",
            "is not an operation of the Locust file",
            '"login"',
            'did you mean "logon"?',
        ),
        Fault(
            25,
            "dependent[smtp-inbound].mix.login",
            "is not an operation of the Locust file",
            '"login"',
            'did you mean "logon"?',
        ),
        Fault(
            37,
            "dependent[smtp-inbound].change[#2].mix.login",
            "is not an operation of the Locust file",
            '"login"',
            'did you mean "logon"?',
        ),
    ]


def test_the_default_mix_is_checked_too(tmp_path: Path) -> None:
    """An unknown operation of the ledger-wide mix is told once, where it stands."""
    text = SMALLEST.replace("mix = ", "#")
    path = write(tmp_path, f"default_mix = {{ login = 1.0 }}\n{text}")
    [fault] = check_operations(path, load_ledger(path), ["token", "introspect"])
    assert (fault.line, fault.where) == (1, "default_mix.login")
    assert fault.hint == "known here: introspect, token"


@pytest.mark.parametrize("since", [SMALLEST, "= broken", None])
def test_a_ledger_changed_since_has_no_lines(tmp_path: Path, since: str | None) -> None:
    """When the file is no longer what was read, no line is given rather than a wrong one."""
    path = write(tmp_path, FULL)
    book = load_ledger(path)
    path.unlink() if since is None else write(tmp_path, since)
    assert [fault.line for fault in check_operations(path, book, ["verify"])] == [None] * 3


def test_ten_thousand_dependents_are_read(tmp_path: Path) -> None:
    """A ledger of a large company is read and checked like a small one."""
    rows = [
        f'[[dependent]]\nname = "d{n}"\npeak_rps = 1\ntimeout_s = 1\nmix = {{ login = 1 }}\n'
        for n in range(10_000)
    ]
    path = write(tmp_path, 'format = "perfgate.demand/1"\n' + "".join(rows))
    assert len(load_ledger(path).dependents) == 10_000


def test_ledgers_are_values() -> None:
    """Two ledgers of the same dependents are equal, and neither changes."""
    book = ledger([dependent()])
    assert book == ledger([dependent()])
    with pytest.raises(ValidationError, match="frozen"):
        book.dependents = ()  # type: ignore[misc] # the assignment is what is tested


def test_the_least_patient_caller_sets_the_timeout() -> None:
    """Law: per operation the shortest timeout of those who send it, whatever the others wait."""
    text = """
format = "perfgate.demand/1"
default_mix = { fetch = 0.5, login = 0.5 }
[[dependent]]
name = "patient"
peak_rps = 10
timeout_s = 9.0
[[dependent]]
name = "hasty"
peak_rps = 1
timeout_s = 0.5
mix = { fetch = 1.0, login = 0.0 }
"""
    made = Ledger.model_validate(tomllib.loads(text))
    assert made.timeouts_s() == {"fetch": 0.5, "login": 9.0}
    plan = '[[dependent.change]]\nfrom = 2026-12-01\nwhat = "x"\nmix = { login = 1.0 }\n'
    planned = Ledger.model_validate(tomllib.loads(text + plan))
    assert planned.timeouts_s() == {"fetch": 0.5, "login": 0.5}


def test_two_mixes_of_one_day_are_a_fault(tmp_path: Path) -> None:
    """Which of two mixes of one day holds cannot be told, so it is a fault of that dependent."""
    plan = '\n[[dependent.change]]\nfrom = 2026-12-01\nwhat = "x"\nmix = { login = 1.0 }\n'
    [fault] = faults_of_text(tmp_path, SMALLEST + plan + plan.replace('"x"', '"y"'))
    assert (fault.line, fault.where) == (3, "dependent[api-gateway]")
    assert fault.problem == "more than one change from 2026-12-01 on gives a mix"


def test_a_change_that_is_there_twice_is_a_fault(tmp_path: Path) -> None:
    """The same words for the same day are one change, and would count twice."""
    plan = '\n[[dependent.change]]\nfrom = 2026-12-01\nwhat = "x"\nadd_rps = 1.0\n'
    [fault] = faults_of_text(tmp_path, SMALLEST + plan + plan)
    assert fault.problem == 'the change "x" from 2026-12-01 on is there twice'
