"""The verbs as click sees them, and the exit code of whatever ends one."""

from __future__ import annotations

import importlib

import click

from perfgate import __version__
from perfgate.cli.overview import HELP_OPTIONS, VERBS, overview
from perfgate.exitcodes import ExitCode


class _Verbs(click.Group):
    """A group whose verbs are imported when they are used, not when they are listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in VERBS:
            return None
        command: click.Command = importlib.import_module(VERBS[cmd_name][0]).command
        return command

    def get_help(self, ctx: click.Context) -> str:  # noqa: ARG002 - click's signature
        """Return the same text that is shown where click is not imported at all."""
        return overview().rstrip()

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
    context_settings={"help_option_names": HELP_OPTIONS, "max_content_width": 100},
)
@click.version_option(__version__, prog_name="perfgate")
def cli() -> None:
    """Hold perfgate's verbs; :func:`perfgate.cli.overview.overview` is its help."""


def run() -> int:
    """Run the verb that the command line names, and turn whatever ends it into an exit code."""
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
