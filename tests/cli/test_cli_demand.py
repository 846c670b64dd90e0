"""``perfgate demand show``: the demand as a table."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from incident_records import incident_path

from cli.command_line import LEDGER, Finished

if TYPE_CHECKING:
    from collections.abc import Callable

GOLDEN = """\
requests/s on 2026-11-24         sends     share                      if retried
--------------------------------------------------------------------------------
gateway                           40.0       80%  ███████████▍             120.0
mail                              10.0       20%  ██▉                       10.0
--------------------------------------------------------------------------------
all 2 dependents                  50.0            ██████████████▎          130.0

from 2026-12-01 on                70.0     +20.0  ████████████████████     150.0
  mail                            30.0     +20.0  ████████▋                 30.0
    - delegate authentication (times 3)

mix now:        introspect 60.0%, token 40.0%
mix at the end: introspect 42.9%, token 57.1%
"""


def test_golden(perfgate: Callable[..., Finished]) -> None:
    """Each dependent has a row, each planned change within the horizon a part of its own."""
    assert perfgate("demand", "show", "--on", "2026-11-24") == Finished(0, GOLDEN, "")


def test_the_demand_that_is_shown(perfgate: Callable[..., Finished], project: Path) -> None:
    """What docs/demand.md draws of the README's ledger is what perfgate draws."""
    (ledger,) = re.findall(
        r"^```toml\n(format.+?)^```$", text_of("README.md"), re.DOTALL | re.MULTILINE
    )
    (project / "demand.toml").write_text(ledger)
    drawn = perfgate("demand", "show", "--on", "2026-11-24").out
    assert f"$ perfgate demand show --on 2026-11-24\n{drawn}```\n" in text_of("docs/demand.md")


def text_of(name: str) -> str:
    """Return the text of a file of the project."""
    return (Path(__file__).parents[2] / name).read_text()


def test_what_is_doubtful_is_told(perfgate: Callable[..., Finished], project: Path) -> None:
    """Entries beyond the configured age, and plans without figures, are warned of; exit code 0."""
    ledger = LEDGER.replace("peak_rps = 40.0", "peak_rps = 40.0\nmeasured_on = 2026-11-01")
    plan = '\n[[dependent.change]]\nfrom = "2026-12-09"\nwhat = "a second site"\n'
    (project / "demand.toml").write_text(ledger + plan)
    config = project / "perfgate.toml"
    config.write_text(config.read_text() + "\n[demand]\nstale_days = 20\n")
    run = perfgate("demand", "show", "--on", "2026-11-24")
    assert (run.code, run.err) == (0, "")
    assert "    - a second site (without figures)\n" in run.out
    told = run.out[run.out.index("WARN") :]
    assert told == (
        "WARN: The figures of 1 of 2 dependents are more than 20 days old on 2026-11-24:\n"
        "      gateway 40/s (23 days).\n"
        "      -> Measure what they send now, and set measured_on.\n"
        "\n"
        "WARN: Planned without figures, so that nothing of it is in the demand: "
        '"a second\n'
        '      site" of mail (10/s without it) from 2026-12-09 on.\n'
        "      -> Say how much by scale, add_rps or mix; a guess like scale = [1, 1.5, 3]\n"
        "         counts for what it is.\n"
    )
    alone = ("--ledger", "demand.toml", "--days", "5", "--on", "2026-11-24")
    assert "WARN" not in perfgate("demand", "show", *alone).out


CALLERS = """\
from locust import FastHttpUser, task


class Caller(FastHttpUser):
    @task
    def introspection(self): ...

    @task
    def token(self): ...
"""


def test_operations_that_nobody_can_send_are_told(
    perfgate: Callable[..., Finished], project: Path
) -> None:
    """One that the Locust file lacks is warned of as in a check: with lines and the near match.

    Where classes of other files may have it, nothing is said.
    """
    (project / "callers.py").write_text(CALLERS)
    told = perfgate("demand", "show", "--on", "2026-11-24")
    assert (told.code, told.err) == (0, "")
    assert told.out == GOLDEN + (
        '\nWARN: "introspect" is not an operation of the Locust file (line 6), so checks\n'
        "      refuse the ledger.\n"
        '      -> Did you mean "introspection"?\n'
    )
    (project / "callers.py").write_text(f"from others import Introspecting\n{CALLERS}")
    assert perfgate("demand", "show", "--on", "2026-11-24").out == GOLDEN


def test_horizon(perfgate: Callable[..., Finished]) -> None:
    """A change on the last day of the horizon is shown, one on the day after is not."""
    shown = [
        perfgate("demand", "show", "--on", "2026-11-24", "--days", days).out for days in (6, 7)
    ]
    assert ["2026-12-01" in out for out in shown] == [False, True]


def test_the_configuration_names_ledger_and_horizon(
    perfgate: Callable[..., Finished], project: Path
) -> None:
    """Without options the ledger and the horizon are the configuration's."""
    (project / "demand.toml").rename(project / "callers.toml")
    config = project / "perfgate.toml"
    config.write_text(
        config.read_text() + '\n[demand]\nledger = "callers.toml"\nhorizon_days = 3\n'
    )
    run = perfgate("demand", "show", "--on", "2026-11-24")
    assert run.code == 0, run.err
    assert "gateway" in run.out
    assert "2026-12-01" not in run.out


def test_a_ledger_alone(perfgate: Callable[..., Finished], project: Path) -> None:
    """With a ledger given no configuration is needed: the horizon is the usual one then."""
    (project / "perfgate.toml").unlink()
    given = ("--ledger", "demand.toml", "--on", "2026-11-24")
    assert perfgate("demand", "show", *given) == Finished(0, GOLDEN, "")


def test_from_today(perfgate: Callable[..., Finished]) -> None:
    """Without a day it is today's demand."""
    run = perfgate("demand", "show")
    assert run.code == 0, run.err
    assert run.out.startswith("requests/s")


def test_faults_of_the_ledger(perfgate: Callable[..., Finished], project: Path) -> None:
    """All faults of the ledger are told at once, each with its line."""
    ledger = LEDGER.replace("peak_rps = 40.0", "peak = 40.0").replace("scale = 3.0", "scale = -1")
    (project / "demand.toml").write_text(ledger)
    run = perfgate("demand", "show")
    assert (run.code, run.out) == (2, "")
    assert "demand.toml:5: dependent[gateway].peak: is not a known key" in run.err
    assert "demand.toml:19:" in run.err
    assert "error: " in run.err


def test_no_ledger(perfgate: Callable[..., Finished], project: Path) -> None:
    """A ledger that is missing is named."""
    (project / "demand.toml").unlink()
    run = perfgate("demand", "show")
    assert run.code == 2
    assert "demand.toml: there is no such file" in run.err


def test_names_cannot_paint_the_terminal(perfgate: Callable[..., Finished], project: Path) -> None:
    """Names and words of the ledger are escaped."""
    ledger = (
        LEDGER.replace('"mail"', '"mail\\u001b[2J"')
        .replace("token =", '"token\\u001b[2J" =')
        .replace("delegate", "delegate\\u001b[2J")
    )
    (project / "demand.toml").write_text(ledger)
    run = perfgate("demand", "show", "--on", "2026-11-24")
    assert run.code == 0, run.err
    assert run.out.count("\\x1b[2J") == 5
    assert "\x1b" not in run.out


def test_nobody_calls(perfgate: Callable[..., Finished], project: Path) -> None:
    """Where nothing is sent, that is said."""
    ledger = LEDGER.replace("40.0", "0").replace("10.0", "0")
    (project / "demand.toml").write_text(ledger)
    run = perfgate("demand", "show", "--on", "2026-11-24")
    assert "mix: nothing is sent" in run.out


def test_the_end_of_the_calendar(perfgate: Callable[..., Finished]) -> None:
    """A horizon beyond the last day there is is refused."""
    for words in (("--on", "9999-12-31"), ("--days", 10**12), ("--days", 10**30)):
        run = perfgate("demand", "show", *words)
        assert (run.code, run.out) == (2, "")
        assert "beyond the calendar" in run.err


def test_the_ledger_that_a_service_publishes(perfgate: Callable[..., Finished]) -> None:
    """A dependent draws what another service has exported, with that one's own horizon."""
    exported = incident_path("old-build")
    run = perfgate("demand", "show", "--of", exported, "--on", "2018-07-13")
    assert run.code == 0, run.err
    assert "smtp-inbound" in run.out
    assert "delegate authentication of submissions (times 3.2, from 2 to 4)" in run.out
    both = perfgate("demand", "show", "--of", exported, "--ledger", "demand.toml")
    assert (both.code, both.out) == (2, "")


def test_a_day_to_come_is_no_day_of_measuring(
    perfgate: Callable[..., Finished], project: Path
) -> None:
    """An entry that says it was measured far ahead is told."""
    ledger = LEDGER.replace("peak_rps = 40.0", "peak_rps = 40.0\nmeasured_on = 2062-11-01")
    (project / "demand.toml").write_text(ledger)
    run = perfgate("demand", "show", "--on", "2026-11-24")
    assert "WARN: Measured on a day to come: gateway (2062-11-01)." in run.out
