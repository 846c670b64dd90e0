"""Prints docs/commands.md: every command with its options, as click knows them."""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING

import click

from perfgate.cli.group import cli
from perfgate.cli.overview import HELP_OPTIONS, VERBS
from perfgate.exitcodes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = """\
# Commands

`make docs` writes this page from the commands themselves; `--help` behind a command says the same
of it. What exit codes mean is told in
[exit-codes-and-messages.md](exit-codes-and-messages.md), what may stand in the files in
[configuration.md](configuration.md).

Completion in a shell, for bash (or `zsh_source`, `fish_source`):

```sh
eval "$(_PERFGATE_COMPLETE=bash_source perfgate)"
```
"""


def commands() -> Iterator[tuple[str, click.Context]]:
    """Yield every command by its words, groups ahead of what is in them."""
    root = click.Context(cli, info_name="perfgate", help_option_names=list(HELP_OPTIONS))
    for name, context in _below(root):
        yield f"perfgate {name}", context


def _below(parent: click.Context) -> Iterator[tuple[str, click.Context]]:
    group = parent.command
    if not isinstance(group, click.Group):
        return
    for name in group.list_commands(parent):
        command = group.get_command(parent, name)
        assert command is not None
        context = click.Context(command, info_name=name, parent=parent)
        yield name, context
        yield from ((f"{name} {inner}", below) for inner, below in _below(context))


def page() -> str:
    """Return the page."""
    verbs = [
        f"| [`perfgate {name}`](#perfgate-{name}) | {line} |" for name, (_, line) in VERBS.items()
    ]
    codes = [f"| {int(code)} | {code.meaning} |" for code in ExitCode]
    parts = [
        HEAD,
        "\n".join(["| command | does |", "|---|---|", *verbs]) + "\n",
        "\n".join(["| exit code | meaning |", "|--:|---|", *codes]) + "\n",
        *(part for name, context in commands() for part in _section(name, context)),
    ]
    return "\n".join(parts)


def _section(name: str, context: click.Context) -> Iterator[str]:
    command = context.command
    yield f"## `{name}`\n"
    yield f"{_told(command)}\n"
    yield f"```text\n{' '.join([name, *command.collect_usage_pieces(context)])}\n```\n"
    rows = [_row(own, context) for own in command.params if isinstance(own, click.Option)]
    if rows:
        yield "\n".join(["| option | meaning |", "|---|---|", *rows]) + "\n"


def _told(command: click.Command) -> str:
    """Return what a command says of itself; paragraphs of its own making stay as they are."""
    return inspect.cleandoc(command.help or "").replace("\b\n", "").strip()


def _row(option: click.Option, context: click.Context) -> str:
    record = option.get_help_record(context)
    assert record is not None
    names, meaning = (" ".join(text.split()).replace("|", "\\|") for text in record)
    return f"| `{names}` | {meaning} |"


if __name__ == "__main__":
    sys.stdout.write(page())
