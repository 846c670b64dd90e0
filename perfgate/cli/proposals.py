"""What a source saw is proposed to the ledger as a diff, and written where that is asked for."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from perfgate.cli import options
from perfgate.cli.console import put, say
from perfgate.cli.places import writable
from perfgate.config.load import load_config
from perfgate.demand.ledger import parse_ledger
from perfgate.errors import UsageError
from perfgate.report.proposal import render_diff
from perfgate.tail import escaped
from perfgate.tomlfile import near_match, read_toml
from perfgate.wholefile import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from perfgate.cli.options import Decorator
    from perfgate.demand.proposal import Proposal
    from perfgate.demand.sources.observed import Observation

    Source = Callable[..., Observation]
    Verb = Callable[..., None]


def _renaming(_ctx: click.Context, _param: click.Parameter, words: Sequence[str]) -> dict[str, str]:
    names = {}
    for word in words:
        seen, _, name = word.rpartition("=")
        if not (seen and name):
            raise click.BadParameter(f"{word!r} is not like gw-prod=gateway")
        names[seen] = name
    return names


_SHARED = (
    options.config,
    options.ledger,
    click.option(
        "--rename",
        multiple=True,
        callback=_renaming,
        metavar="SEEN=NAME",
        help="What the ledger calls a caller; several may have one name. Repeatable.",
    ),
    click.option("--only", multiple=True, metavar="NAME", help="Import these alone. Repeatable."),
    click.option("--timeout", type=options.Seconds(), help="timeout_s of new entries, like 2s."),
    click.option("--attempts", type=click.IntRange(1, 1000), help="attempts of new entries."),
    click.option("--write", is_flag=True, help="Write the ledger, not only show what changes."),
)


def with_options(decorators: Sequence[Decorator], function: Verb) -> Verb:
    """Return the function with these options, which ``--help`` lists in this order."""
    return functools.reduce(lambda inner, option: option(inner), reversed(decorators), function)


def into_ledger(source: Source) -> Verb:
    """Add the options that all sources share, and propose to the ledger what the source saw."""

    @functools.wraps(source)
    def propose_seen(
        config: Path | None,
        ledger: Path | None,
        rename: Mapping[str, str],
        only: Sequence[str],
        timeout: float | None,
        attempts: int | None,
        write: bool,
        **own: Any,
    ) -> None:
        path = ledger or _configured(config)
        text = _text_of(writable(path) if write else path)
        # These import numpy and tomlkit, which takes a while: first what needs neither.
        from perfgate.demand.proposal import Terms, propose  # noqa: PLC0415 - see above
        from perfgate.demand.sources.observed import Naming, chosen  # noqa: PLC0415 - see above

        naming = Naming(rename, frozenset(only))
        observation = chosen(source(naming, **own), naming)
        _tell_misspelt(path, text, observation)
        _put_forward(path, text, propose(path, text, observation, Terms(timeout, attempts)), write)

    return with_options(_SHARED, propose_seen)


def _configured(config: Path | None) -> Path:
    loaded = load_config(config, Path.cwd())
    path = loaded.root / loaded.config.demand.ledger
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _text_of(path: Path) -> str:
    """Return the ledger's text, "" where there is none yet; faults in it are raised now."""
    if not path.exists():
        return ""
    text = read_toml(path).text
    parse_ledger(path, text)
    return text


def _tell_misspelt(path: Path, text: str, observation: Observation) -> None:
    """Tell of operations that the ledger does not have, but nearly."""
    known = parse_ledger(path, text).timeouts_s().keys() if text else ()
    seen = {name for one in observation.dependents for name in one.mix}
    for name in sorted(seen - set(known)):
        if near := near_match(name, known):
            say(escaped(f"note: the ledger has no operation {name!r}: {near}"))


def _put_forward(path: Path, text: str, proposal: Proposal, write: bool) -> None:
    """Show the proposal, and write it where that is asked for and it is whole."""
    if proposal.text != text:
        put(render_diff(path, text, proposal.text))
    for remark in proposal.remarks:
        say(escaped(f"note: {remark}"))
    if proposal.lacking:
        _refuse(path, proposal.lacking)
    if proposal.text == text:
        say(escaped(f"{path}: says so already"))
        return
    done = f"{len(proposal.updated)} updated, {len(proposal.added)} added"
    if not write:
        say(escaped(f"{path}: with --write, {done}"))
        return
    try:
        write_whole(path, proposal.text)
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be written: {error.strerror}", hint="Look for space and permissions."
        ) from error
    say(escaped(f"{path}: {done}"))


def _refuse(path: Path, lacking: Mapping[str, Sequence[str]]) -> NoReturn:
    """Say which keys new entries lack, and where they come from."""
    named = "; ".join(f"{name} lacks {', '.join(keys)}" for name, keys in lacking.items())
    flags = {
        "timeout_s": "--timeout 2s",
        "attempts": "--attempts 1",
        "mix": "--operation 'token=POST /token' (--operation-label with Prometheus)",
    }
    wanted = [flag for key, flag in flags.items() if any(key in keys for keys in lacking.values())]
    raise UsageError(
        f"{path}: nothing is written: {named}",
        hint=f"Add {' and '.join(wanted)} for all that are new; or leave callers out with --only.",
    )
