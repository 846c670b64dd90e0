"""``perfgate demand import``: what sources saw, as a diff, and written only on purpose."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from cli.command_line import LEDGER, Finished
from cli.peers import answering
from perfgate.demand.ledger import load_ledger

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DAY = datetime(2026, 7, 1, tzinfo=UTC)

DIFF = """\
--- demand.toml
+++ demand.toml
@@ -2,7 +2,9 @@
{blank}
 [[dependent]]
 name = "gateway"
-peak_rps = 40.0
+peak_rps = 80.0
+source = "nginx access log, busiest 10 s, by http_user_agent"
+measured_on = 2026-07-01
 mix = {{ introspect = 0.75, token = 0.25 }}
 timeout_s = 1.0
 attempts = 3
""".format(blank=" ")
SAYS = """\
note: the requests are of 10 s only: a whole day may have a higher peak
note: mail: is in the ledger, but was not seen
demand.toml: with --write, 1 updated, 0 added
"""


def write_log(project: Path, *callers: str, path: str = "/token", name: str = "access.log") -> str:
    """Write a log in which each caller sends 80/s for 10 s, and return its name."""
    lines = []
    for caller in callers:
        for number in range(800):
            at = DAY + timedelta(seconds=number / 80)
            stamp = at.strftime("%d/%b/%Y:%H:%M:%S %z")
            lines.append(f'::1 - - [{stamp}] "POST {path} HTTP/1.1" 200 5 "-" "{caller}"\n')
    (project / name).write_text("".join(lines))
    return name


@pytest.fixture
def imports(perfgate: Callable[..., Finished]) -> Callable[..., Finished]:
    """Return the import from nginx's log into ``demand.toml``, with windows of 10 s."""

    def run(*words: object) -> Finished:
        fixed = ("--ledger", "demand.toml", "--window", "10s")
        return perfgate("demand", "import", "nginx", *fixed, *words)

    return run


def test_golden(imports: Callable[..., Finished], project: Path) -> None:
    """The proposal is a diff on standard output, all else goes to standard error; none is kept."""
    log = write_log(project, "gateway/2.1")
    assert imports(log) == Finished(0, DIFF, SAYS)
    assert (project / "demand.toml").read_text() == LEDGER


def test_written_on_purpose(imports: Callable[..., Finished], project: Path) -> None:
    """With --write the file is what the diff says, and a second time there is nothing to do."""
    log = write_log(project, "gateway/2.1")
    run = imports(log, "--write")
    assert (run.code, run.out) == (0, DIFF)
    assert run.err.endswith("demand.toml: 1 updated, 0 added\n")
    assert [one.peak_rps for one in load_ledger(project / "demand.toml").dependents] == [80, 10]
    again = imports(log, "--write")
    assert (again.code, again.out) == (0, "")
    assert again.err.endswith("demand.toml: says so already\n")


def test_a_misspelt_operation_is_told(imports: Callable[..., Finished], project: Path) -> None:
    """An operation that the ledger does not have, but nearly, is named."""
    log = write_log(project, "gateway/2.1")
    run = imports(log, "--operation", "tokn=POST /token")
    told = "note: the ledger has no operation 'tokn': did you mean \"token\"?\n"
    assert (run.code, told in run.err) == (0, True)


def test_a_log_counts_once(imports: Callable[..., Finished], project: Path) -> None:
    """The same log named twice would be twice the peak: it is refused."""
    log = write_log(project, "gateway/2.1")
    run = imports(log, f"./{log}")
    assert (run.code, run.out) == (2, "")
    assert f"{log} is named twice" in run.err


def test_the_configuration_names_the_ledger(
    perfgate: Callable[..., Finished], project: Path
) -> None:
    """Without --ledger it is the configuration's that is brought up to date."""
    log = write_log(project, "gateway/2.1")
    run = perfgate("demand", "import", "nginx", log, "--window", "10s", "--write")
    assert run.code == 0, run.err
    assert "peak_rps = 80.0" in (project / "demand.toml").read_text()


@pytest.mark.parametrize("write", [[], ["--write"]])
def test_new_ones_need_terms(
    imports: Callable[..., Finished], project: Path, write: list[str]
) -> None:
    """A new entry without what no log tells is shown with remarks, and nothing is written."""
    log = write_log(project, "gateway/2.1", "batch")
    run = imports(log, *write)
    assert run.code == 2
    assert '+name = "batch"' in run.out
    assert "+# timeout_s = ... is still to be given" in run.out
    assert "nothing is written: batch lacks timeout_s, attempts, mix" in run.err
    assert "--timeout 2s and --attempts 1 and --operation" in run.err
    assert (project / "demand.toml").read_text() == LEDGER


def test_new_ones_with_terms(imports: Callable[..., Finished], project: Path) -> None:
    """Options say what no log tells, and hold for new entries only."""
    log = write_log(project, "gateway/2.1", "batch")
    given = ("--timeout", "2s", "--attempts", 4, "--operation", "token=post /tok*", "--write")
    assert imports(log, *given).code == 0
    gateway, _, batch = load_ledger(project / "demand.toml").dependents
    assert (batch.timeout_s, batch.attempts, batch.mix) == (2.0, 4, {"token": 1.0})
    assert (gateway.timeout_s, gateway.attempts, gateway.mix) == (1.0, 3, {"token": 1.0})


def test_a_ledger_begins(imports: Callable[..., Finished], project: Path) -> None:
    """Where there is no ledger yet, the import can be the first of it."""
    (project / "demand.toml").unlink()
    log = write_log(project, "gateway/2.1")
    given = ("--timeout", "2s", "--attempts", 1, "--operation", "token=/token", "--write")
    run = imports(log, *given)
    assert run.code == 0, run.err
    assert run.out.startswith("--- /dev/null\n+++ demand.toml\n")
    assert [one.name for one in load_ledger(project / "demand.toml").dependents] == ["gateway"]


def test_callers_are_chosen_and_renamed(imports: Callable[..., Finished], project: Path) -> None:
    """Several callers can be one dependent, and those not chosen are told with their rates."""
    log = write_log(project, "gw/1", "gw-old/7", "curl/8")
    names = ("--rename", "gw=gateway", "--rename", "gw-old=gateway", "--only", "gateway")
    run = imports(log, *names)
    assert run.code == 0, run.err
    assert "+peak_rps = 160.0" in run.out
    assert "note: seen too, but not imported: curl (80/s)" in run.err


def test_who_was_not_seen_cannot_be_imported(
    imports: Callable[..., Finished], project: Path
) -> None:
    """Nobody is told that the ledger says so already where the log tells nothing of the caller."""
    run = imports(write_log(project, "gateway/2.1"), "--only", "batch")
    assert (run.code, run.out) == (7, "")
    assert run.err == "error: batch: no request was seen\nhint: known here: gateway\n"


def test_health_checks_can_be_skipped(imports: Callable[..., Finished], project: Path) -> None:
    """Requests that are left out are no demand; all others count where no operation is told."""
    logs = [
        write_log(project, "gateway", name="a.log"),
        write_log(project, "gateway", path="/healthz?full", name="b.log"),
    ]
    assert "+peak_rps = 160.0" in imports(*logs).out
    assert "+peak_rps = 80.0" in imports(*logs, "--skip", "/healthz").out


def test_envoy(perfgate: Callable[..., Finished], project: Path) -> None:
    """Envoy's JSON is read by the names that it has."""
    lines = [
        {"start_time": (DAY + timedelta(seconds=second)).isoformat(), "user_agent": "gateway/1"}
        for second in range(60)
    ]
    (project / "envoy.log").write_text("\n".join(map(json.dumps, lines)))
    run = perfgate("demand", "import", "envoy", "envoy.log")
    assert run.code == 0, run.err
    assert "+peak_rps = 1.0" in run.out
    assert '+source = "Envoy access log, busiest 60 s, by user_agent"' in run.out


def test_names_cannot_paint_the_terminal(imports: Callable[..., Finished], project: Path) -> None:
    """Names in a log are escaped, wherever they are shown."""
    log = write_log(project, "\x1b[2Jgateway", "\x1b[2J\u202email")
    run = imports(log, "--only", "\x1b[2J\u202email")
    assert run.code == 2
    assert not {"\x1b", "\u202e"} & {*run.out, *run.err}
    assert "\\u001b[2J\\u202email" in run.out
    assert "\\x1b[2Jgateway (80/s)" in run.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--rename", "gateway"], "'gateway' is not like gw-prod=gateway"),
        (["--operation", "POST /token"], "'POST /token' is not like 'token=POST /token'"),
        (["--operation", "token=a b c"], "'a b c' is not like 'POST /token'"),
        (["--skip", ""], "'' is not like 'POST /token'"),
        (["--name", "("], "'(' is not a regular expression: missing )"),
        (["--window", "10"], "'10' is not a time like 60s or 5m"),
        (["--attempts", "0"], "is not in the range"),
    ],
)
def test_usage(imports: Callable[..., Finished], words: list[str], told: str) -> None:
    """What an option cannot take is said, with what it can."""
    run = imports("access.log", *words)
    assert (run.code, run.out) == (2, "")
    assert told in run.err


def test_no_log(imports: Callable[..., Finished], project: Path) -> None:
    """A log that is not there is told with its neighbour."""
    write_log(project, "gateway")
    run = imports("acess.log")
    assert (run.code, run.out) == (2, "")
    assert "acess.log: there is no such file" in run.err
    assert 'did you mean "access.log"?' in run.err


def test_faults_of_the_ledger_come_first(imports: Callable[..., Finished], project: Path) -> None:
    """A ledger with faults is told before any log is read."""
    (project / "demand.toml").write_text(LEDGER.replace("peak_rps", "peak"))
    run = imports("gone.log")
    assert run.code == 2
    assert "demand.toml:5: dependent[gateway].peak: is not a known key" in run.err


@pytest.mark.parametrize(
    ("ledger", "told"),
    [("nowhere/demand.toml", "nowhere is not a directory"), (".", ". is a directory")],
)
def test_nowhere_to_write_to(imports: Callable[..., Finished], ledger: str, told: str) -> None:
    """With --write it is proved first, before any log is read, that the ledger can be written."""
    run = imports("gone.log", "--write", "--ledger", ledger)
    assert (run.code, run.out) == (2, "")
    assert told in run.err


ASK = ("http://127.0.0.1:1", "--query", "up", "--label", "caller")


def test_prometheus_that_is_not_there(perfgate: Callable[..., Finished]) -> None:
    """A source that cannot be reached has an exit code of its own."""
    run = perfgate("demand", "import", "prometheus", *ASK)
    assert (run.code, run.out) == (7, "")
    assert "http://127.0.0.1:1: cannot be reached: Connection refused" in run.err


def test_steps_are_whole_seconds(perfgate: Callable[..., Finished]) -> None:
    """Prometheus is asked at whole seconds."""
    run = perfgate("demand", "import", "prometheus", *ASK, "--step", "0.5s")
    assert (run.code, run.out) == (2, "")
    assert "--step 0.5s is not in whole seconds" in run.err


def test_the_last_day_and_the_weeks(perfgate: Callable[..., Finished]) -> None:
    """Prometheus is asked for whole weeks up to the end of the last day, and the day is noted."""
    asked: list[dict[str, str]] = []

    def answer(query: dict[str, str]) -> tuple[int, str]:
        asked.append(query)
        row = {"metric": {"caller": "gateway"}, "values": [[int(query["end"]), "7"]]}
        data = {"resultType": "matrix", "result": [row]}
        return 200, json.dumps({"status": "success", "data": data})

    with answering(answer) as url:
        words = (url, "--query", "q", "--label", "caller", "--weeks", 1, "--until", "2026-06-30")
        run = perfgate("demand", "import", "prometheus", *words, "--step", "5m")
    assert run.code == 0, run.err
    week = DAY - timedelta(days=7)
    [query] = asked
    assert int(query["start"]) == week.timestamp()
    assert int(query["end"]) == DAY.timestamp() - 300
    assert "+measured_on = 2026-06-30" in run.out
