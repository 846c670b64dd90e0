"""What ``perfgate --help`` shows: written here, so that it costs no import of a framework."""

from __future__ import annotations

from perfgate.exitcodes import ExitCode

# Verb -> its module and one line of help; modules are imported only for the verb that is used.
VERBS = {
    "demo": ("perfgate.cli.demo", "See in four minutes what it is for: an outage, replayed here."),
    "init": ("perfgate.cli.init", "Describe the service in this directory, and judge it once."),
    "check": ("perfgate.cli.check", "Measure a build and judge whether it may ship."),
    "measure": ("perfgate.cli.measure", "Measure a build and save the measurement."),
    "judge": ("perfgate.cli.judge", "Judge a saved measurement again, without any load."),
    "baseline": ("perfgate.cli.baseline", "Accept, propose, show and look after stored baselines."),
    "history": ("perfgate.cli.history", "Show how accepted baselines have changed over time."),
    "micro": ("perfgate.cli.micro", "Judge benchmarks of hot paths against those of record."),
    "demand": (
        "perfgate.cli.demand",
        "Show or import what dependents send; judge if one may send more.",
    ),
    "calibrate": ("perfgate.cli.calibrate", "Learn how noisy a service is here, for later plans."),
    "bisect": ("perfgate.cli.bisect", "Find the commit that made the service slower."),
    "selftest": ("perfgate.cli.selftest", "Prove that this gate is awake: put harm before it."),
    "doctor": ("perfgate.cli.doctor", "Tell what this machine can resolve, and what would help."),
    "worker": ("perfgate.cli.worker", "Send load for a check that runs on another machine."),
    "schema": (
        "perfgate.cli.schema",
        "Print every key of perfgate.toml, demand.toml or verdict.json.",
    ),
}

HELP_OPTIONS = ("-h", "--help")

_FRAME = """\
Usage: perfgate [OPTIONS] COMMAND [ARGS]...

  Tell whether a build of a service may ship.

  perfgate runs real load against a candidate build, beside its base, and holds
  it against the demand of every dependent.

Options:
  --version   Show the version and exit.
  -h, --help  Show this message and exit; after a command, the help of that.

Commands:
{verbs}

Exit codes:
{codes}

Completion, in bash (or zsh_source, fish_source):
  eval "$(_PERFGATE_COMPLETE=bash_source perfgate)"
"""


def overview() -> str:
    """Return the help of perfgate as a whole: its verbs and its exit codes."""
    return _FRAME.format(
        verbs=_lines({verb: line for verb, (_, line) in VERBS.items()}),
        codes=_lines({str(int(code)): code.meaning for code in ExitCode}),
    )


def _lines(meaning_of: dict[str, str]) -> str:
    """Return names and what they mean as two columns."""
    width = max(map(len, meaning_of))
    return "\n".join(f"  {name:{width}}  {meaning}" for name, meaning in meaning_of.items())
