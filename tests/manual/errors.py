"""Prints docs/errors.md: every error that perfgate can end with, as the code words it."""

from __future__ import annotations

import ast
import importlib
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from manual.sources import ALL
from perfgate import tomlslips
from perfgate.errors import FileFaultsError, PerfgateError, SpoiltError
from perfgate.exitcodes import ExitCode
from perfgate.tomlfile import WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from manual.sources import Call

HEAD = """\
# Errors

Every error that perfgate can end with instead of a verdict, and what to do about it. `make docs`
writes this page from the code itself, so none is missing. Words in capitals stand for what it is in
your case, `...` for all else that is told; longer messages go on below their first line. What an
exit code means is told in [exit-codes-and-messages.md](exit-codes-and-messages.md), what checks say
of a build in [findings.md](findings.md).
"""
OPTIONS = """\
### Words that an option does not take

Each is told with the option, and says what is wanted.
"""
FAULTS = """\
### Faults of a file

Each is told as `file:line: key: fault, found VALUE (what to do)`, all of a file at once. Those of
the list say what is wanted by themselves.
"""
# Where models of the user's files are: what their validators say is a fault of such a file.
MODELS = ("perfgate.config.models", "perfgate.demand.ledger")
# What to do about kinds that have no hint of their own.
USUAL: dict[type[PerfgateError], str] = {
    SpoiltError: "The logs of its run, kept with `--output`, may say more.",
    FileFaultsError: "The lines ahead of it have each fault with its place.",
}
SHOWN = "The hint that is shown with it says it."


@dataclass(frozen=True, order=True)
class Message:
    """The ways in which one error may read, and in which it says what to do."""

    texts: tuple[str, ...]
    hints: tuple[str, ...]


@dataclass(frozen=True)
class Raised:
    """An error that is made somewhere in the code: its module, its kind and its message."""

    module: str
    kind: type[PerfgateError]
    message: Message


def kinds() -> dict[str, type[PerfgateError]]:
    """Return every kind of error by name, in whatever module it is."""
    found = {"PerfgateError": PerfgateError}
    for source in sorted(ALL.values(), key=lambda own: own.module != "perfgate.errors"):
        for own in source.classes:
            if any(isinstance(base, ast.Name) and base.id in found for base in own.bases):
                found[own.name] = getattr(importlib.import_module(source.module), own.name)
    del found["PerfgateError"]
    return found


def raised() -> list[Raised]:
    """Return every error that is made in the code, in the order of modules."""
    known = kinds()
    # Those that word their message themselves are read where they do.
    own_words = {kind.__init__.__qualname__.partition(".")[0] for kind in known.values()}
    return [
        Raised(call.source.module, known[kind], _message(call))
        for call in _calls()
        for kind in _kinds_of(call)
        if kind in known and not _is_clicks(call)
        if kind not in own_words or call.name == "__init__"
    ]


def _message(call: Call) -> Message:
    """Return what an error says in its first line; what is indented is a part of another one."""
    said = call.says(call.given(0, ""))
    texts = (text.splitlines()[0] for text in said if not text.startswith(" "))
    return Message(tuple(texts), _hints(call, call.given(len(call.node.args), "hint")))


def _hints(call: Call, hint: ast.expr | None) -> tuple[str, ...]:
    return tuple(call.says(hint)) or (SHOWN,) if hint else ()


def _is_clicks(call: Call) -> bool:
    match call.node.func:
        case ast.Attribute(value=ast.Name("click"), attr=name):
            return name in {"BadParameter", "UsageError"}
    return False


def _owner(call: Call) -> str:
    """Return the class in whose method a call is."""
    return next((own.name for own in call.source.classes if call.function in own.body), "")


def _kinds_of(call: Call) -> list[str]:
    """Return the kinds that a call makes: those that are given for a parameter of its name."""
    name, function = _owner(call) if call.name == "__init__" else call.name, call.function
    parameters = [] if function is None else [own.arg for own in function.args.args]
    if function is None or name not in parameters:
        return [name]
    usual = [own.id for own in function.args.defaults if isinstance(own, ast.Name)]
    position = parameters.index(name) - (parameters[0] == "self")
    callers = (own for own in call.source.calls if own.name == function.name)
    named = [own.given(position, name) for own in callers]
    return sorted({*usual, *(own.id for own in named if isinstance(own, ast.Name))})


def refused() -> list[str]:
    """Return what is said of a word that an option does not take."""
    calls = (call for call in _calls() if call.name == "fail" or _is_clicks(call))
    return sorted({text for call in calls for text in call.says(call.given(0, ""))})


def faults() -> list[Message]:
    """Return what may be wrong in a file of the user's."""
    found = {_fault(call) for call in _calls("Flaw", "Fault") if _is_fault(call)}
    found |= {
        Message(tuple(call.says(call.node.args[0])), ())
        for call in _calls("ValueError")
        if call.source.module in MODELS
    }
    found |= {Message((re.sub(r"\{\w+\}", "N", text),), ()) for text in WORDS.values()}
    found |= {Message((text,), (hint,)) for text, hint in tomlslips.WORDS.values()}
    return sorted(own for own in found if own.texts and own.texts != ("N",))


def _is_fault(call: Call) -> bool:
    made_in = call.source.imported.get(call.name, call.source.module)
    return made_in in {"perfgate.faults", "perfgate.tomlfile"}


def _fault(call: Call) -> Message:
    """Return the problem that a fault names, which stands behind its place, and its hint."""
    at = 1 if call.name == "Flaw" else 2
    texts = call.says(call.given(at, "problem"))
    return Message(tuple(texts), _hints(call, call.given(at + 2, "hint")))


def _calls(*names: str) -> Iterator[Call]:
    """Return the calls of these names, or all there are."""
    calls = (call for source in ALL.values() for call in source.calls)
    return (call for call in calls if not names or call.name in names)


def page() -> str:
    """Return the page."""
    parts, everything = [HEAD], raised()
    for code in ExitCode:
        own = {_to_show(one) for one in everything if one.kind.exit_code is code}
        if own:
            parts += [f"## {int(code)}: {code.meaning}\n", _table("message", sorted(own))]
        if code is ExitCode.USAGE:
            plain = [text for own in faults() if not own.hints for text in own.texts]
            advised = [own for own in faults() if own.hints]
            parts += [OPTIONS, _list(refused()), FAULTS, _table("fault", advised), _list(plain)]
    return "\n".join(parts)


def _to_show(own: Raised) -> Message:
    """Return a message with what to do in any case."""
    usual = USUAL.get(own.kind)
    return Message(own.message.texts, own.message.hints or ((usual,) if usual else ()))


def _table(what: str, messages: Iterable[Message]) -> str:
    rows = [
        f"| {' or '.join(map(_code, own.texts))} | {_cell(' Or: '.join(own.hints))} |"
        for own in messages
        if own.texts
    ]
    return "\n".join([f"| {what} | what to do |", "|---|---|", *rows]) + "\n"


def _list(texts: Iterable[str]) -> str:
    return "".join(f"- {_code(text)}\n" for text in texts)


def _code(text: str) -> str:
    """Return a text as it is shown, between as many marks as it takes."""
    mark = "``" if "`" in text else "`"
    return f"{mark}{_cell(text)}{mark}"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(page())
