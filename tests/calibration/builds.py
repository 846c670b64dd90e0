"""Builds whose loss is known, as commits of the auth service and of a service of threads.

How large each loss is was planned from what the base costs here; what it is in truth is measured.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scenarios.auth_repository import (
    ANCHOR,
    BASE,
    PROJECT,
    VARIANTS,
    AuthRepository,
    ServiceRepository,
)

if TYPE_CHECKING:
    from collections.abc import Callable

SERVICES = Path(__file__).parent / "services"
MAIN, APP = "authsvc/__main__.py", "authsvc/app.py"
SERVED = "        create_app(options.data_dir, settings),\n"
# Around the whole service: every request pays it. Arithmetic of long numbers costs nearly the same
# in each process; an interpreted loop costs 7 % more or less (sd), and then no loss is the same.
BURDEN = """\
        burdened(create_app(options.data_dir, settings)),
"""
BURDENED = '''

def spend(squarings):
    """Take CPU time, as a service does that signs with a longer key."""
    pow(3, 1 << squarings, (1 << 255) - 19)


turns = itertools.count()


def hold_up(seconds):
    """Let every other request keep the others waiting, without any CPU time."""
    if next(turns) % 2:
        time.sleep(seconds)


def burdened(app):
    """Do more for every request."""

    async def serve(scope, receive, send):
        if scope["type"] == "http":
            {burden}
        await app(scope, receive, send)

    return serve
'''
CONSTANT, IMPORTS = "SHUTDOWN_S = 3\n", "import argparse\n"
# Squarings that cost a hundredth of what a request costs here on average, rare and dear logins with
# it. Of a request that is none, it is more than that. The first ones are cheaper.
SQUARINGS_PER_PERCENT = 21.5
SQUARINGS_FREE = 5
# A sleep takes 80 to 100 us more than it is told to: to every other request, that is a tenth.
HOLD_S = 25e-6
THREADS_ROUNDS = 2000


@dataclass(frozen=True)
class Edit:
    """A change of a file: text that stands in it once, and what takes its place."""

    path: str
    old: str
    new: str


@dataclass(frozen=True)
class Variant:
    """A build to judge: what it is, for people, and how it comes about from its service's base.

    ``deserves`` is the outcome that is right, "" where either is: a loss below the margin.
    """

    what: str
    edits: tuple[Edit, ...]
    deserves: str = "FAIL"
    service: str = "auth"


def busy(percent: int) -> tuple[Edit, ...]:
    """Return the edits that make each request dearer by about so much."""
    return _burdened(f"spend({round(percent * SQUARINGS_PER_PERCENT) + SQUARINGS_FREE})")


def _burdened(statement: str) -> tuple[Edit, ...]:
    burden = BURDENED.format(burden=statement)
    return (
        Edit(MAIN, SERVED, BURDEN),
        Edit(MAIN, CONSTANT, f"{CONSTANT}{burden}\n"),
        Edit(MAIN, IMPORTS, f"{IMPORTS}import itertools\nimport time\n"),
    )


def _of_scenarios(name: str) -> tuple[Edit, ...]:
    return (Edit(APP, *VARIANTS[name]),)


def _threads(rounds: int) -> tuple[Edit, ...]:
    old = f"PLAIN_ROUNDS = {THREADS_ROUNDS}\n"
    return (Edit("threads.py", old, f"PLAIN_ROUNDS = {rounds}\n"),)


BUILDS = {
    "same": Variant("no change of behaviour", _of_scenarios("same behaviour"), "PASS"),
    "loss-1": Variant("about 1 % more work for each request", busy(1), ""),
    "loss-3": Variant("about 3 % more work for each request", busy(3), ""),
    "loss-5": Variant("about 5 % more work for each request", busy(5)),
    "loss-10": Variant("about 10 % more work for each request", busy(10)),
    "stall-10": Variant(
        "each request holds the service up for about 10 % of its time, without any CPU time",
        _burdened(f"hold_up({HOLD_S})"),
    ),
    "remote-same": Variant(
        "state is 2 ms away, no change of behaviour",
        _of_scenarios("same behaviour"),
        "PASS",
        "remote",
    ),
    "remote-dearer": Variant(
        "state is 2 ms away, introspection hashes a pepper",
        _of_scenarios("dearer"),
        service="remote",
    ),
    "remote-waits": Variant(
        "state is 2 ms away, then 22 ms", _of_scenarios("waits"), service="remote"
    ),
    "remote-serialised": Variant(
        "state is 2 ms away, and one request at a time may ask for it",
        _of_scenarios("serialised"),
        service="remote",
    ),
    "threads-same": Variant(
        "two processes of sixteen threads, no change of behaviour",
        (Edit("threads.py", "WORKERS = 2\n", "# Two of them.\nWORKERS = 2\n"),),
        "PASS",
        "threads",
    ),
    "threads-20": Variant(
        "two processes of sixteen threads, about 20 % more work for each request",
        _threads(THREADS_ROUNDS * 7 // 4),
        service="threads",
    ),
}


def _remote(root: Path) -> ServiceRepository:
    """Return the auth service with its state a round trip away, else described as it is here."""
    repository = AuthRepository(root)
    described = (PROJECT / "perfgate.toml").read_text()
    described = described.replace("perfgate/demo", "authsvc").replace("perfgate.demo", "authsvc")
    (root / "perfgate.toml").write_text(described)
    shutil.copy(PROJECT / "demand.toml", root)
    repository.base = repository.commit("Describe the service")
    return repository


def _auth(root: Path) -> ServiceRepository:
    """Return the auth service as it is."""
    repository = _remote(root)
    repository.replace(APP, BASE, ANCHOR)
    repository.base = repository.commit("Keep the state here")
    return repository


def _of_threads(root: Path) -> ServiceRepository:
    repository = ServiceRepository(root)
    root.mkdir()
    for name in ("threads.py", "callers.py", "perfgate.toml", "demand.toml"):
        shutil.copy(SERVICES / name, root)
    repository.begin("Serve digests")
    return repository


MADE: dict[str, Callable[[Path], ServiceRepository]] = {
    "auth": _auth,
    "remote": _remote,
    "threads": _of_threads,
}


def commit_of(repository: ServiceRepository, variant: Variant) -> str:
    """Commit the variant beside the others, right on top of the base, and return its commit."""
    repository.git("checkout", "--quiet", "--detach", repository.base)
    for edit in variant.edits:
        repository.replace(edit.path, edit.old, edit.new)
    commit = repository.commit(variant.what)
    repository.git("checkout", "--quiet", "--detach", repository.base)
    return commit
