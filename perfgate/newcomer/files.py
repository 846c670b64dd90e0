"""What was found out about a service becomes the files that describe it, with comments that teach.

Pure: texts come out, and nothing is written.
"""

from __future__ import annotations

import json
import re
import shlex
from importlib.resources import files
from pprint import pformat
from typing import TYPE_CHECKING

from perfgate.newcomer.tasks import tasks_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perfgate.newcomer.clues import Clues
    from perfgate.newcomer.openapi import Request
    from perfgate.newcomer.rehearsal import Rehearsal, Tried

CONFIG = """\
# How perfgate starts and measures this service. Every key: perfgate schema config --format markdown
service = {name}

[target]
# Found in {because}. It runs without a shell, in the foreground, in a fresh checkout of each
# build; {{port}}, {{python}} (perfgate's own) and {{data_dir}} (empty, of its own) are filled in.
start = {start}
# Answers 2xx once requests are served.
ready = {ready}
# What git does not keep, node_modules say, a checkout lacks. A command that makes it fit to start,
# if one is needed:
# build = {build}
# Its environment is empty but for PATH and the like; what else it needs is named here:
# env = {{ LOG_LEVEL = "warning" }}

[load]
# An ordinary Locust file. Its tasks are the operations, by their names.
locustfile = {locustfile}

# What callers were promised, by operation; "*" are all others. Missed at the rate that is required,
# it fails the build. Set it to what you promise:
[slo."*"]
p95_ms = 500.0
"""
BRANCH = """
[baseline]
# Baselines are kept on this branch, which others start from.
branch = {branch}
"""
MAIN = "main"
LEDGER = """\
# Who calls this service, how often, and what is planned. perfgate demand show draws it; perfgate
# demand import proposes peaks from Prometheus or from access logs. One entry for each dependent.
format = "perfgate.demand/1"

[[dependent]]
name = "callers"
# GUESSED: requests per second at the busiest time of the year. The one figure to get right first.
peak_rps = 10.0
# GUESSED: share of each operation; weights of @task count for nothing.
mix = {mix}
# After so long a caller gives up, and so often it tries in all.
timeout_s = 1.0
attempts = 1

# What is planned is judged today:
# [[dependent.change]]
# from = "2027-01-15"
# what = "the mobile app asks at every start"
# add_rps = 5.0
"""
LOCUSTFILE = '''\
"""The callers of {name}: an ordinary Locust file, made by perfgate init for you to go on with.

Each task is an operation. When it comes is the business of demand.toml; weights and wait_time count
for nothing. An answer with a status of 400 or more counts as wrong; whatever else is wrong with it
has to be said here, with catch_response=True and response.failure("why").
"""

from locust import FastHttpUser, task


class Caller(FastHttpUser):
    """One caller; what on_start does (sign in, make what others ask for) is not measured."""
{tasks}'''
TASK = '''
    @task
    def {name}(self):
        """{told}."""
        {call}
'''
LEFT_OUT = """
    # {told} was answered with {answer} and is left out: it needs better values, or a sign-in in
    # on_start. Its task would be:
    #
{task}"""
CONFIG_FILE, LEDGER_FILE, LOCUST_FILE = "perfgate.toml", "demand.toml", "locustfile.py"
WORKFLOWS = ("perfgate.yml", "perfgate-report.yml", "perfgate-baseline.yml")


def files_for(
    clues: Clues,
    rehearsal: Rehearsal,
    locustfile: tuple[str, str] | None,
    branch: str = MAIN,
) -> dict[str, str]:
    """Return the text of each file by its path.

    ``locustfile`` is path and text of one that is there already: then its tasks are the operations.
    ``branch`` is the one that baselines are to be kept on.
    """
    if locustfile is None:
        place, operations = LOCUST_FILE, [own.name for own in rehearsal.operations]
    else:
        place, operations = locustfile[0], tasks_in(locustfile[1])
    made = {
        CONFIG_FILE: CONFIG.format(
            name=json.dumps(clues.name),
            because=rehearsal.start.because,
            start=json.dumps(rehearsal.start.command),
            ready=json.dumps(rehearsal.ready),
            build=json.dumps(clues.build),
            locustfile=json.dumps(place),
        )
        + ("" if branch == MAIN else BRANCH.format(branch=json.dumps(branch))),
        LEDGER_FILE: LEDGER.format(mix=_mix(operations)),
        **_workflows(branch),
    }
    if locustfile is None:
        made[LOCUST_FILE] = _locustfile(clues.name, rehearsal.tried)
    return made


def _workflows(branch: str) -> dict[str, str]:
    """Return the workflows, as they lie in the package: only their user can tell what is open."""
    texts = files("perfgate.newcomer") / "workflows"
    return {
        f".github/workflows/{name}": (texts / name)
        .read_text("utf-8")
        .replace(f"--base {MAIN} ", f"--base {shlex.quote(branch)} ")
        for name in WORKFLOWS
    }


def _mix(operations: Sequence[str]) -> str:
    """Return equal shares that sum to exactly 1."""
    each = 1000 // len(operations)
    shares = [each] * (len(operations) - 1)
    shares.append(1000 - sum(shares))
    told = (f"{name} = {share / 1000:g}" for name, share in zip(operations, shares, strict=True))
    return f"{{ {', '.join(told)} }}"


def _locustfile(name: str, tried: Sequence[Tried]) -> str:
    good = "".join(_task(own.request) for own in tried if own.good)
    bad = "".join(_left_out(own) for own in tried if not own.good)
    return LOCUSTFILE.format(name=_said(name), tasks=f"{good}{bad}")


def _task(request: Request) -> str:
    given = "" if request.body is None else f", json={_literal(request.body)}"
    asked = f"{request.method.lower()}({json.dumps(request.path)}{given}"
    call = f"self.client.{asked}, name={json.dumps(request.name)})"
    return TASK.format(name=request.name, told=_said(request.told), call=call)


def _literal(value: object) -> str:
    """Return a value as Python writes it, further lines below the first."""
    return pformat(value, width=70, sort_dicts=False).replace("\n", "\n" + " " * 12)


def _left_out(own: Tried) -> str:
    commented = "".join(
        f"    # {line.removeprefix('    ')}".rstrip() + "\n"
        for line in _task(own.request).strip("\n").split("\n")
    )
    return LEFT_OUT.format(told=_said(own.request.told), answer=_said(own.told), task=commented)


def _said(text: str) -> str:
    """Return text that can stand in a comment or a docstring, whatever it was."""
    return re.sub(r"[^ -!#-\[\]-~]", "?", text)
