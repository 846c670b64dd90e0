"""The command line: one module per verb, the only printer and the only catcher of errors."""

from __future__ import annotations

import importlib
import io
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

import click

from perfgate import __version__
from perfgate.exitcodes import ExitCode

if TYPE_CHECKING:
    from types import FrameType

# Verb -> its module and one line of help; modules are imported only for the verb that is used.
VERBS = {
    "check": ("perfgate.cli.check", "Measure a build and judge whether it may ship."),
    "measure": ("perfgate.cli.measure", "Measure a build and save the measurement."),
    "judge": ("perfgate.cli.judge", "Judge a saved measurement again, without any load."),
    "baseline": ("perfgate.cli.baseline", "Accept a measurement as baseline; show what is stored."),
    "demand": ("perfgate.cli.demand", "Show what dependents send, now and after planned changes."),
    "schema": (
        "perfgate.cli.schema",
        "Print every key of perfgate.toml or demand.toml, as JSON Schema or text.",
    ),
}


class _Verbs(click.Group):
    """A group whose verbs are imported when they are used, not when they are listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in VERBS:
            return None
        command: click.Command = importlib.import_module(VERBS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        with formatter.section("Commands"):
            formatter.write_dl([(verb, line) for verb, (_, line) in VERBS.items()])
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(int(code)), code.meaning) for code in ExitCode])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the near match of an unknown verb."""
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            from difflib import get_close_matches  # noqa: PLC0415 - only where something is wrong

            near = get_close_matches(args[0], VERBS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else f" There are: {', '.join(VERBS)}."
            raise click.UsageError(f"There is no command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog='Completion: eval "$(_PERFGATE_COMPLETE=bash_source perfgate)" (or zsh_source, '
    "fish_source).",
)
@click.version_option(__version__, prog_name="perfgate")
def cli() -> None:
    """Tell whether a build of a service may ship.

    perfgate runs real load against a candidate build, beside its base, and holds it against the
    demand of every dependent.
    """


def main() -> NoReturn:
    """Run perfgate; the exit code is one of :class:`ExitCode`."""
    signal.signal(signal.SIGTERM, _interrupt)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A report must not be lost to a terminal that cannot show a letter of it.
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(_run())


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Let SIGTERM unwind everything that was started, as Ctrl-C does."""
    raise KeyboardInterrupt


def _run() -> int:
    """Run click and turn whatever ends it into an exit code."""
    try:
        code = cli.main(standalone_mode=False)
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except click.ClickException as error:
        error.show()
        return int(ExitCode.USAGE)
    except (KeyboardInterrupt, click.Abort):
        from perfgate.cli.console import say  # noqa: PLC0415 - not needed for --help

        say("interrupted; everything that was started has been stopped")
        return int(ExitCode.INTERRUPTED)
    except SystemExit as end:
        # click ends so after completion, and with 1 where nobody reads its help any more; but 1
        # says that a build must not ship.
        return int(ExitCode.USAGE if end.code else ExitCode.PASS)
    except Exception as error:
        from perfgate.cli.complaints import complain  # noqa: PLC0415 - only where something is wrong

        return int(complain(error))
    return int(code) if isinstance(code, int) else int(ExitCode.PASS)
