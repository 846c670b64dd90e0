"""The page that the comparison prints: what was done, on what, and the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.generators import comparisons as of
from benchmarks.generators.rounds import CONNECTIONS, USER_RPS
from benchmarks.generators.tables import change_table, cost_table, stall_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.generators.rounds import Figures
    from benchmarks.generators.tables import ChangeRow, StallRow

TITLE = """\
# Load generators side by side

`make bench` prints this page after the times of perfgate's own hot paths. To write it anew:

```sh
PYTHONPATH=tests .venv/bin/python -m benchmarks.generators > docs/benchmarks.md
```

Servers run on one CPU and generators on another, one generator at a time. Nothing is installed: a
tool that is missing is named, and rows that need it are left out. Load goes to 127.0.0.1 only."""

COSTS = f"""\
## Cost, rate and lag

Each generator asks one nginx for two bytes, {of.ROUNDS} rounds of {of.ROUND_S:g} s each in turn;
figures are medians over the rounds. Locust's users have `constant_throughput({USER_RPS:g})`, or
`poisson({USER_RPS:g})` where they are *apart*. perfgate runs the same Locust files, unchanged, in
an open loop of Poisson arrivals; LeanHttpUser is its own client for fixed requests. wrk sends as
fast as {CONNECTIONS} connections allow: its CPU time per request is a lower bound, not a rival.

- *offered* is what was to be sent, *achieved* what was answered while it was to be sent.
- *lag* is how late requests started. A user of plain Locust is to start one each period; when the
  first was due is taken from that start of its which was the least late.
- *reported* is the generator's own figure. Locust's is rounded to 1 ms (from 100 ms on, to 10 ms).
- *from intended* counts from when a request should have started to when its caller had the answer.
  perfgate reports latency from there too, but to when the answer reached the machine, if the kernel
  tells; autocannon has a correction of its own.
- *CPU* is user and system time of the generator, its start left out; the *ratio* is to Locust with
  FastHttpUser and users apart, at the same rate, turn by turn.

Locust with FastHttpUser stands there twice. Users with `constant_throughput` are spawned together
and go on asking in bunches: that spares wake-ups, and so CPU time, and makes requests wait for each
other. Users apart draw each wait at random and ask one by one, as perfgate's arrivals come, so
theirs is the CPU time to compare with. Their waits begin when an answer has come: nobody can say
when they should have asked, and the rate is met only while answers are quick."""

STALLS = f"""\
## A server that stalls

The server has one queue and takes {of.STALL_SERVICE_US / 1000:g} ms for a request, but begins none
for {of.STALL_S:g} s every {of.STALL_EVERY_S:g} s. It is asked at {of.STALL_RATE_RPS:g}/s for
{of.STALL_ROUND_S:g} s, in {of.STALL_ROUNDS} rounds; the one in the middle is told, by reported for
true. *True* is computed from the arrivals that were due and the known stalls; nothing is measured
for it. A user in a closed loop sends nothing while it waits, and its pacing forgets what it did not
send, so those requests are missing from Locust's figures (coordinated omission), the more of them
the fewer the users."""

CHANGES = f"""\
## A change of 5 %

The server answers at an exact time after a request was read, or at one that is 5 % longer. perfgate
asks for both in one stream, as it asks two builds; Locust has figures for one target a run, so it
runs twice. Figures are medians over {of.CHANGE_ROUNDS} rounds. perfgate's are service times: they
hold the wake-ups of server and client too, so that of the shortest times some tenths less than 5 %
are seen. Locust has {of.CHANGE_RPS / of.CHANGE_USER_RPS:g} users, and rounds its figures before
they are counted."""

SECTIONS = (TITLE, COSTS, STALLS, CHANGES)
INSTALL = {
    "nginx": "apt-get install nginx-light",
    "wrk": "apt-get install wrk",
    "autocannon": "npm install --global autocannon",
}


def notice(tool: str) -> str:
    """Return the line that says that a tool is missing, and how to get it."""
    return f"{tool} is missing, so rows that need it are left out: `{INSTALL[tool]}` installs it."


def render(
    machine: str,
    missing: Sequence[str],
    costs: Mapping[str, Sequence[Figures]],
    stalls: Sequence[StallRow],
    changes: Sequence[ChangeRow],
) -> str:
    """Return the page as Markdown; without nginx there are no costs, and no table of them."""
    parts = (
        *(TITLE, machine, COSTS),
        *([cost_table(costs, of.YARDSTICK)] if costs else []),
        *map(notice, missing),
        *(STALLS, stall_table(stalls)),
        *(CHANGES, change_table(changes)),
    )
    return "\n\n".join(parts)
