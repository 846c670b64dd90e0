"""A TOML file becomes a frozen model, or every fault in it at once, each with its line.

It knows no particular file: which keys exist and what they may hold is the model's to say.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from difflib import get_close_matches
from typing import TYPE_CHECKING, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from perfgate.errors import FileFaultsError, UsageError
from perfgate.faults import Fault
from perfgate.tomllines import KeyPath, key_lines, line_at
from perfgate.tomlslips import syntax_fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from pydantic_core import ErrorDetails

Model = TypeVar("Model", bound=BaseModel)

SHOWN_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class TomlFile:
    """A file that is valid TOML: its text, and its tables with lists as tuples."""

    path: Path
    text: str
    tables: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Flaw:
    """A fault whose line is not known yet; ``at`` is its path below the table that was checked."""

    at: KeyPath
    problem: str
    found: str = ""
    hint: str = ""


def read_toml(path: Path) -> TomlFile:
    """Read the file at ``path``.

    Raises UsageError when there is no such file or it is not text, and FileFaultsError with the
    line when it is not TOML.
    """
    return parse_toml(path, _text(path))


def parse_toml(path: Path, text: str) -> TomlFile:
    """Return what ``text`` says that is, or is to be, in the file at ``path``.

    Raises FileFaultsError with the line when it is not TOML.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FileFaultsError(str(path), [syntax_fault(text, error)]) from error
    except (RecursionError, ValueError) as error:
        # Arrays a thousand deep, integers of thousands of digits: TOML, but not for us.
        fault = Fault(None, "", "holds a value too large to be read", hint=str(error))
        raise FileFaultsError(str(path), [fault]) from error
    return TomlFile(path, text, {key: _frozen(value) for key, value in tables.items()})


def table_of(file: TomlFile, under: KeyPath) -> object:
    """Return what stands at ``under``, or None when nothing does."""
    return _value_at(file.tables, under)


def parse_model(
    file: TomlFile,
    model: type[Model],
    *,
    under: KeyPath = (),
    laws: Callable[[Mapping[str, object]], Iterable[Flaw]] = lambda _: (),
) -> Model:
    """Validate the table at ``under`` against ``model`` and return the model.

    ``laws`` finds the flaws that lie between fields. It gets the table as it stands in the file,
    so it runs, and is heard, even when single fields are wrong; it must expect anything there.
    Types are strict: text is never taken for a number. Raises FileFaultsError with all faults, in
    the order of their lines.
    """
    table = table_of(file, under)
    flaws = list(laws(table)) if isinstance(table, dict) else []
    try:
        value = model.model_validate(table, strict=True, by_alias=True, by_name=False)
    except ValidationError as error:
        entries = error.errors(include_url=False)
        flaws += [_flaw(entry, model) for entry in entries if not _is_echo(entry)]
    else:
        if not flaws:
            return value
    flaws = [replace(flaw, at=under + flaw.at) for flaw in flaws]
    raise FileFaultsError(str(file.path), faults_of(flaws, file.tables, key_lines(file.text)))


def faults_of(
    flaws: Iterable[Flaw], tables: Mapping[str, object], lines: Mapping[KeyPath, int]
) -> list[Fault]:
    """Give every flaw its path in the file and its line, and sort them by line.

    Here the flaws' paths begin at the top of the file. Without ``lines`` no fault has one.
    """
    faults = [
        Fault(line_at(lines, flaw.at), dotted(flaw.at, tables), flaw.problem, flaw.found, flaw.hint)
        for flaw in flaws
    ]
    return sorted(faults, key=lambda fault: fault.line or 0)


def dotted(at: KeyPath, tables: object) -> str:
    """Return a path as the user reads it: ``dependent[smtp].mix.login`` or ``looks[#2]``.

    An element of a list is called by its ``name`` where it has one, and otherwise by its
    position, which ``#`` marks as counted from 1.
    """
    text = ""
    for depth, step in enumerate(at):
        if isinstance(step, int):
            name = _value_at(tables, (*at[: depth + 1], "name"))
            text += f"[{_key(name)}]" if isinstance(name, str) else f"[#{step + 1}]"
        else:
            text += ("." if text else "") + _key(step)
    return text


def shown(value: object) -> str:
    """Return a value as it would stand in the file, in printable characters and cut to length."""
    text = _toml(value)
    text = "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 3] + "..."


def near_match(word: str, known: Iterable[str]) -> str:
    """Return the hint that names the known word nearest to ``word``, or "" when none is near."""
    by_lower = {name.lower(): name for name in known}
    matches = get_close_matches(word.lower(), by_lower, n=1)
    return f'did you mean "{by_lower[matches[0]]}"?' if matches else ""


def near_or_all(word: str, known: Iterable[str]) -> str:
    """Return the hint that names the near match, or else everything that is known."""
    names = list(known)
    return near_match(word, names) or f"known here: {', '.join(names)}"


def schema_of(model: type[BaseModel], title: str) -> dict[str, object]:
    """Return the JSON Schema (draft 2020-12) of the files that ``model`` reads."""
    schema = model.model_json_schema(by_alias=True, mode="validation")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": title,
    }


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError as error:
        raise UsageError(f"{path}: there is no such file", hint=_neighbour(path)) from error
    except IsADirectoryError as error:
        hint = "Name the file itself."
        raise UsageError(f"{path}: is a directory, not a file", hint=hint) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        message = f"{path}: line {line} is not UTF-8 text"
        raise UsageError(message, hint="TOML files are always UTF-8: save it as such.") from error
    except OSError as error:
        hint = "Check the path and the permissions of the file."
        raise UsageError(f"{path}: cannot be read: {error.strerror}", hint=hint) from error


def _neighbour(path: Path) -> str:
    folder = path.parent
    names = [other.name for other in folder.glob("*.toml")] if folder.is_dir() else []
    return near_match(path.name, names) or "Check the path."


def _frozen(value: object) -> object:
    if isinstance(value, dict):
        return {key: _frozen(inner) for key, inner in value.items()}
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _value_at(table: object, at: KeyPath) -> object:
    for step in at:
        if isinstance(step, str) and isinstance(table, dict):
            table = table.get(step)
        elif isinstance(step, int) and isinstance(table, tuple) and step < len(table):
            table = table[step]
        else:
            return None
    return table


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else shown(key)


def _toml(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return json.dumps(value, ensure_ascii=False)
        case datetime() | date() | time():
            return value.isoformat()
        case tuple():
            return f"[{', '.join(map(_toml, value))}]"
        case dict():
            return "a table"
        case _:
            return str(value)


# What pydantic calls an error, and what a user reads. The braces are pydantic's own figures.
WORDS = {
    "bool_type": "must be true or false",
    "date_type": "must be a date like 2018-07-13",
    "dict_type": "must be a table",
    "finite_number": "must be a finite number",
    "float_type": "must be a number",
    "greater_than": "must be a number greater than {gt}",
    "greater_than_equal": "must be a number of at least {ge}",
    "int_from_float": "must be a whole number",
    "int_type": "must be a whole number",
    "less_than": "must be a number less than {lt}",
    "less_than_equal": "must be a number of at most {le}",
    "model_type": "must be a table",
    "multiple_of": "must be a multiple of {multiple_of}",
    "string_too_short": "must not be empty",
    "string_type": 'must be text in "quotes"',
    "too_long": "must hold at most {max_length}",
    "too_short": "must hold at least {min_length}",
    "tuple_type": "must be a list: values in [brackets], tables each under its [[name]]",
    "value_error": "{error}",
}


def _is_echo(entry: ErrorDetails) -> bool:
    """Whether a list is called too short only because its faulty elements were not counted."""
    return entry["type"] == "too_short" and len(entry["input"]) >= entry["ctx"]["min_length"]


def _flaw(entry: ErrorDetails, model: type[BaseModel]) -> Flaw:
    at: KeyPath = entry["loc"]
    found = entry["input"]
    kind = entry["type"]
    if kind == "missing":
        return Flaw(at, "is missing", hint=_purpose(model, at))
    if kind == "extra_forbidden":
        known = _known(_type_at(model, at[:-1]))
        return Flaw(at, "is not a known key", shown(found), near_or_all(str(at[-1]), known))
    if kind == "literal_error":
        allowed = _allowed(model, at)
        problem = f"must be one of {', '.join(map(shown, allowed))}"
        return Flaw(at, problem, shown(found), near_match(str(found), allowed))
    # Where a law holds for a whole table, nothing single was found.
    return Flaw(at, _words(entry), "" if isinstance(found, dict) else shown(found))


def _allowed(model: type[BaseModel], at: KeyPath) -> list[str]:
    """Return the words of which one has to stand there; none where it is not one of a few."""
    inner = _type_at(model, at)
    return [str(word) for word in get_args(inner)] if get_origin(inner) is Literal else []


def _words(entry: ErrorDetails) -> str:
    figures = {
        name: int(figure) if isinstance(figure, float) and figure.is_integer() else figure
        for name, figure in entry.get("ctx", {}).items()
    }
    if entry["type"] in WORDS:
        return WORDS[entry["type"]].format(**figures)
    return entry["msg"].replace("Input should", "must")


def _type_at(model: object, at: KeyPath) -> object:
    """Return the type annotated for the value at ``at``, without its None and its constraints."""
    inner = _bare(model)
    for step in at:
        arguments = get_args(inner)
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            inner = _fields(inner).get(str(step))
        else:
            # dict[str, X] holds X; so does tuple[X, ...].
            inner = arguments[isinstance(step, str)] if arguments else None
        inner = _bare(inner)
    return inner


def _bare(annotation: object) -> object:
    while get_origin(annotation) not in {None, dict, tuple, Literal}:
        arguments = [part for part in get_args(annotation) if part is not type(None)]
        annotation = arguments[0]
    return annotation


def _fields(model: type[BaseModel]) -> dict[str, object]:
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _known(model: object) -> list[str]:
    return list(_fields(model)) if isinstance(model, type) and issubclass(model, BaseModel) else []


def _purpose(model: type[BaseModel], at: KeyPath) -> str:
    """Return what a missing field is for, in the words of its model, and what it may hold."""
    owner = _type_at(model, at[:-1])
    if not (isinstance(owner, type) and issubclass(owner, BaseModel)):
        return ""
    fields = {field.alias or name: field for name, field in owner.model_fields.items()}
    words = " or ".join(map(shown, _allowed(model, at)))
    told = [fields[str(at[-1])].description, f"It is {words}." if words else ""]
    return " ".join(filter(None, told))
