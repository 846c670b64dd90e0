"""The chapters of the story and the commits they are about: what is run, and what came of it then.

Nothing is made or run here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from perfgate.verdict.finding import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

EVE = "2018-07-12"
SETTINGS = "authsvc/settings.py"
LEDGER = "demand.toml"

OPENING = (
    "In July 2018 the authentication service of a mail provider failed for most of a morning. Two "
    "changes had met: one made it answer a little later, the other had a dependent ask it more "
    "often. Taking the second one back did not help; the service had to be restarted.",
    "Here is that story on this machine, told with the auth service that comes with perfgate, and "
    "commits in a repository that is made for it. How much was sent that day was never published, "
    "so the rates are invented; but all that follows is measured now.",
)
OTHERWISE = (
    "That is another story than was to be told. A machine with other work to do may be why: "
    "`perfgate doctor --quick` tries this one."
)


@dataclass(frozen=True, slots=True)
class Edit:
    """A text that stands in a file becomes another, wherever it stands there."""

    path: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit on a branch, which begins at the commit before if it is new."""

    branch: str
    message: str
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class Chapter:
    """Commands, given as the words after ``perfgate``, that are run with a branch checked out.

    They keep a ``measurement`` there, seen from the repository; what they write into that is
    committed, with the message ``commit``; either is "" for nothing. ``wanted`` are the outcomes of
    checks that make it the story that ``moral`` sums up, in the order in which they are shown.
    ``outage``: part of that is an outage that only a restart ends.
    """

    title: str
    before: str
    branch: str
    commands: tuple[tuple[str, ...], ...]
    wanted: Mapping[str, Outcome]
    moral: str
    expected_s: float
    measurement: str = ""
    commit: str = ""
    outage: bool = False

    @property
    def judges(self) -> bool:
        """Tell whether its commands give a verdict."""
        return self.commands[0][0] != "measure"

    @property
    def admits(self) -> bool:
        """Tell whether it gives a verdict, and that lets something through."""
        return self.judges and Outcome.FAIL not in self.wanted.values()


def _default(name: str, before: int, after: int) -> Edit:
    """Return the edit that gives a setting of the service another default."""
    head = f"    {name}: int = field(\n        default="
    return Edit(SETTINGS, f"{head}{before},", f"{head}{after},")


COMMITS = (
    Commit(
        "main",
        "Serve tokens",
        (_default("backend_slots", 0, 9), _default("backend_ms", 20, 40)),
    ),
    Commit(
        "auth-change",
        "Look for revoked sessions, too",
        (_default("backend_slots", 9, 6), _default("backend_ms", 40, 52)),
    ),
    Commit(
        "both",
        "Announce the migration of smtp-inbound",
        (
            Edit(
                LEDGER,
                '[[dependent]]\nname = "api-gateway"',
                '[[dependent.change]]\nfrom = "2018-07-13"\nwhat = "delegate authentication of '
                'submissions"\nadd_rps = 10.0\n\n[[dependent]]\nname = "api-gateway"',
            ),
        ),
    ),
    Commit(
        "fixed",
        "Retry no more than a tenth of what succeeds",
        (
            Edit(
                LEDGER,
                "attempts = 3\n",
                'attempts = 3\nbudget = { kind = "per_success", ratio = 0.1 }\n',
            ),
        ),
    ),
)

CHAPTERS = (
    Chapter(
        title="What the service can do",
        before="For every request it asks a back end, which takes nine at a time and 40 ms for "
        "each. How much it serves is measured, and accepted as its record.",
        branch="main",
        commands=(
            ("measure", "--on", EVE, "--output", "../first.json"),
            ("baseline", "accept", "../first.json"),
        ),
        measurement="../first.json",
        commit="Accept the first baseline",
        wanted={"demand": Outcome.PASS},
        moral="",
        expected_s=25.0,
    ),
    Chapter(
        title="(a) The auth change alone",
        before="The back end is to look for revoked sessions, too. It then takes 52 ms instead of "
        "40, and six requests at a time instead of nine.",
        branch="main",
        commands=(
            (
                *("check", "--on", EVE, "--candidate", "auth-change", "--base", "main"),
                *("--output", "../auth-change"),
            ),
        ),
        measurement="../auth-change/measurement.json",
        wanted={"latency": Outcome.PASS, "slo": Outcome.PASS, "capacity": Outcome.FAIL},
        moral="On a dashboard that is a few milliseconds, and every promise is kept. What it costs "
        "is service rate, and for that the gate stops it. In 2018 nothing did: suppose that it "
        "ships.",
        expected_s=42.0,
    ),
    Chapter(
        title="(b) The migration alone",
        before="The team of smtp-inbound means to send 10/s more from 13 July on, and asks whether "
        "it may. That needs no load: the answer comes from the record.",
        branch="main",
        commands=(
            (
                *("demand", "admit", "--on", EVE, "--of", ".", "--dependent", "smtp-inbound"),
                *("--add", "10", "--from", "2018-07-13"),
            ),
        ),
        wanted={"demand": Outcome.PASS},
        moral="Admitted: the record is that of the service without the auth change.",
        expected_s=1.0,
    ),
    Chapter(
        title="(c) Both",
        before="The release with both goes through an overload: for four seconds half as many "
        "calls again come as it serves, then as many as ever. Callers give up after 1 s, and try "
        "three times.",
        branch="both",
        commands=(
            ("check", "--on", EVE, "--budget", "quick", "--recovery", "--output", "../both"),
        ),
        measurement="../both/measurement.json",
        wanted={"demand": Outcome.PASS, "recovery": Outcome.FAIL},
        moral="Going by rates alone it could ship, with room to spare. But a queue in which "
        "everybody waits for longer than they are willing to is worked off for nobody, and all who "
        "try again keep it full. The lower demand was the migration taken back: in five seconds "
        "that changed nothing. A restart forgets the queue, and that ends it, as it did then.",
        expected_s=80.0,
        outage=True,
    ),
    Chapter(
        title="(d) The fix",
        before="Same service, same demand, same overload. But callers now have a retry budget: one "
        "retry for ten calls that succeeded, and no more.",
        branch="fixed",
        commands=(
            ("check", "--on", EVE, "--budget", "quick", "--recovery", "--output", "../fixed"),
        ),
        measurement="../fixed/measurement.json",
        wanted={"demand": Outcome.PASS, "recovery": Outcome.PASS},
        moral="The overload still costs some seconds. But nobody feeds the queue: it is worked "
        "off, and all is well again without anybody's doing.",
        expected_s=55.0,
    ),
)
# The chapter whose report shows the outage.
OUTAGE = next(chapter for chapter in CHAPTERS if chapter.outage)
