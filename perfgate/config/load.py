"""The path of a configuration, or a directory to search from, becomes a checked configuration.

It starts nothing and reads no other file; of the Locust file it only looks at the name.
"""

from __future__ import annotations

import re
import shlex
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perfgate.config.models import (
    CONTAINER_PLACEHOLDERS,
    IMAGE_PLACEHOLDERS,
    READY_PLACEHOLDERS,
    START_PLACEHOLDERS,
    Config,
    Load,
    Profile,
)
from perfgate.errors import UsageError
from perfgate.tomlfile import (
    Flaw,
    TomlFile,
    near_match,
    near_or_all,
    parse_model,
    parse_toml,
    read_toml,
    shown,
    table_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

CONFIG_NAME = "perfgate.toml"
PYPROJECT_NAME = "pyproject.toml"
PYPROJECT_TABLE = ("tool", "perfgate")

SMALLEST = """\
service = "auth"

[target]
start = "{python} -m auth --port {port}"

[load]
locustfile = "locustfiles/auth.py"
"""


class NoConfigError(UsageError):
    """There is no configuration to be found."""


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """A configuration, its file, and the directory that its relative paths start from."""

    config: Config
    path: Path
    root: Path


def load_config(path: Path | None, start: Path) -> LoadedConfig:
    """Read the configuration at ``path``, or else the one nearest to ``start``.

    Without a path, ``start`` and its parents are searched, up to the root of the git repository,
    for ``perfgate.toml`` and then for a ``pyproject.toml`` with a table ``tool.perfgate``.
    Raises NoConfigError when none is found, UsageError when it cannot be read, and FileFaultsError
    with all faults.
    """
    file = _found(start) if path is None else read_toml(path)
    root = file.path.absolute().parent
    return LoadedConfig(_config(file, lambda table: _flaws(table, root)), file.path, root)


def parse_config(path: Path, text: str) -> Config:
    """Return the configuration that ``text`` is, of a service that is not to be started here.

    Whether its Locust file is there is not asked. ``path`` names the text in errors, and its name
    says which of the two files it is. Raises what :func:`load_config` raises.
    """
    return _config(parse_toml(path, text), _laws)


def _config(file: TomlFile, laws: Callable[[Mapping[str, object]], Iterable[Flaw]]) -> Config:
    under = PYPROJECT_TABLE if file.path.name == PYPROJECT_NAME else ()
    if table_of(file, under) is None:
        hint = f"Add the table, for example:\n\n{_smallest_below(under)}"
        raise UsageError(f"{file.path}: there is no table [{'.'.join(under)}]", hint=hint)
    return parse_model(file, Config, under=under, laws=laws)


def _found(start: Path) -> TomlFile:
    for directory in _upwards(start):
        if (directory / CONFIG_NAME).is_file():
            return read_toml(directory / CONFIG_NAME)
        if (directory / PYPROJECT_NAME).is_file():
            file = read_toml(directory / PYPROJECT_NAME)
            if table_of(file, PYPROJECT_TABLE) is not None:
                return file
    hint = (
        f"`perfgate init` writes it; or write {CONFIG_NAME} at the root of the repository. The "
        "smallest that works:\n\n"
    )
    message = f"no {CONFIG_NAME}, and no {PYPROJECT_NAME} with [tool.perfgate], in {start} or above"
    raise NoConfigError(message, hint=hint + SMALLEST)


def _upwards(start: Path) -> Iterator[Path]:
    """Yield ``start`` and its parents, up to the one that holds ``.git``."""
    here = start.absolute()
    for directory in (here, *here.parents):
        yield directory
        # In a worktree .git is a file.
        if (directory / ".git").exists():
            return


def _smallest_below(under: tuple[str, ...]) -> str:
    prefix = ".".join(under)
    return f"[{prefix}]\n{SMALLEST.replace('[', f'[{prefix}.')}"


def _flaws(table: Mapping[str, object], root: Path) -> Iterator[Flaw]:
    yield from _locustfile_flaws(_text_at(table, "load", "locustfile"), root)
    yield from _laws(table)


def _laws(table: Mapping[str, object]) -> Iterator[Flaw]:
    """Find what is wrong wherever the file lies."""
    yield from _start_flaws(_text_at(table, "target", "start"))
    ready = _text_at(table, "target", "ready")
    yield from _placeholder_flaws(("target", "ready"), ready, READY_PLACEHOLDERS)
    yield from _container_flaws(table.get("target"))
    yield from _profile_flaws(table.get("profiles"))
    yield from _recorded_flaws(table.get("profiles"))
    yield from _identity_flaws(table)
    yield from _worker_flaws(table)


def _text_at(table: Mapping[str, object], section: str, key: str) -> str:
    """Return the text at a key, or "" where the model will complain about something else."""
    inner = table.get(section)
    value = inner.get(key) if isinstance(inner, dict) else None
    return value if isinstance(value, str) else ""


def _start_flaws(command: str) -> Iterator[Flaw]:
    at = ("target", "start")
    if not command:
        return
    yield from _command_flaws(at, command, START_PLACEHOLDERS)
    if "{port}" not in command:
        hint = "the service must listen on the port that perfgate picks, like --port {port}"
        yield Flaw(at, "does not contain {port}", shown(command), hint)


def _container_flaws(target: object) -> Iterator[Flaw]:
    container = target.get("container") if isinstance(target, dict) else None
    if isinstance(container, dict):
        at = ("target", "container")
        command, image = (_text_at({"": container}, "", key) for key in ("command", "image"))
        yield from _command_flaws((*at, "command"), command, CONTAINER_PLACEHOLDERS)
        yield from _placeholder_flaws((*at, "image"), image, IMAGE_PLACEHOLDERS)


def _command_flaws(at: tuple[str, ...], command: str, known: tuple[str, ...]) -> Iterator[Flaw]:
    try:
        shlex.split(command)
    except ValueError as error:
        problem = f"cannot be split into words: {str(error).lower()}"
        yield Flaw(at, problem, shown(command), "close every quote; write \\\\ for a backslash")
    yield from _placeholder_flaws(at, command, known)


def _placeholder_flaws(at: tuple[str, ...], text: str, known: tuple[str, ...]) -> Iterator[Flaw]:
    for name in dict.fromkeys(re.findall(r"\{(\w+)\}", text)):
        if name not in known:
            problem = f"{{{name}}} is not a known placeholder"
            yield Flaw(at, problem, shown(text), near_or_all(name, known))


def _locustfile_flaws(name: str, root: Path) -> Iterator[Flaw]:
    if not name:
        return
    at, found = ("load", "locustfile"), shown(name)
    path = root / name
    if not path.is_file():
        problem = "is not a file" if path.exists() else "there is no such file"
        yield Flaw(at, problem, found, _neighbour(path) or f"relative paths start from {root}")
    elif path.suffix != ".py":
        yield Flaw(at, "does not end in .py", found, "rename it: Locust reads nothing else")
    if path.stem in sys.stdlib_module_names:
        hint = f"rename it, for example to {path.stem}_load.py"
        problem = f"would hide Python's own module {path.stem} from Locust"
        yield Flaw(at, problem, found, hint)
    if "," in name:
        yield Flaw(at, "contains a comma", found, "Locust takes it for two files: rename it")


def _neighbour(path: Path) -> str:
    folder = path.parent
    names = [other.name for other in folder.glob("*.py")] if folder.is_dir() else []
    return near_match(path.name, names)


def _profile_flaws(profiles: object) -> Iterator[Flaw]:
    if isinstance(profiles, dict) and "default" not in profiles:
        names = [name for name in profiles if near_match(name, ["default"])]
        hint = f'did you mean "default" where "{names[0]}" stands?' if names else ""
        hint = hint or "add [profiles.default]; it may be empty"
        yield Flaw(("profiles",), 'has no profile "default"', ", ".join(profiles), hint)


def _recorded_flaws(profiles: object) -> Iterator[Flaw]:
    """Find profiles with a recording but another kind of arrivals, or the other way round."""
    for name, profile in (profiles if isinstance(profiles, dict) else {}).items():
        if not isinstance(profile, dict):
            continue
        kind, at = profile.get("arrivals"), ("profiles", name, "recorded")
        if kind == "replayed" and "recorded" not in profile:
            hint = 'name the log to replay, like recorded = "access.log"'
            yield Flaw(at, 'is missing, but arrivals = "replayed"', hint=hint)
        if kind in {None, "poisson", "uniform"} and "recorded" in profile:
            problem = 'is only used with arrivals = "replayed"'
            yield Flaw(at, problem, shown(profile["recorded"]), "set that, or take this away")


def _identity_flaws(table: Mapping[str, object]) -> Iterator[Flaw]:
    """Find profiles that keep more requests in flight than there are users to make them."""
    load, profiles = table.get("load"), table.get("profiles")
    users = load.get("identities") if isinstance(load, dict) else None
    users = users if isinstance(users, int) else Load.model_fields["identities"].default
    for name, profile in (profiles if isinstance(profiles, dict) else {"default": {}}).items():
        for key in ("saturation_concurrency", "batch_concurrency"):
            given = profile.get(key) if isinstance(profile, dict) else None
            most = given if isinstance(given, int) else Profile.model_fields[key].default
            if most > users:
                at = ("profiles", name, key) if given is not None else ("load", "identities")
                problem = f"{name} keeps {most} requests in flight, but there are {users} users"
                hint = f"each request needs a user: set identities to {most}, or {key} to {users}"
                yield Flaw(at, problem, str(users if given is None else given), hint)


def _worker_flaws(table: Mapping[str, object]) -> Iterator[Flaw]:
    """Find more processes than there are users for, and two answers to where they run."""
    load, profiles = table.get("load"), table.get("profiles")
    if not isinstance(load, dict):
        return
    users = load.get("identities", Load.model_fields["identities"].default)
    shapes = profiles.values() if isinstance(profiles, dict) else ()
    batches = [shape.get("batch_concurrency") for shape in shapes if isinstance(shape, dict)]
    usual = Profile.model_fields["batch_concurrency"].default
    each = max((size if isinstance(size, int) else usual for size in batches), default=usual)
    for key in ("workers", "expect_workers"):
        given = load.get(key)
        if isinstance(given, int) and isinstance(users, int) and given > 1 and given * each > users:
            problem = f"leaves fewer than {each} of the {users} users to each process"
            hint = f"a batch of a pair needs so many: at most {users // each}, or more identities"
            yield Flaw(("load", key), problem, str(given), hint)
    if "workers" in load and load.get("expect_workers"):
        hint = "remove one: workers run here, expect_workers on other machines"
        yield Flaw(("load", "workers"), "stands beside expect_workers", hint=hint)
