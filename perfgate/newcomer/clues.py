"""A repository passes through, and what it tells of how its service is started comes out.

Files are read, nothing is run: whether a guess is right is found out by :mod:`newcomer.rehearsal`.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# More would be somebody's data, or other people's code.
MOST_FILES = 2000
FOREIGN = frozenset({"node_modules", "venv", "env", "site-packages", "build", "dist", "vendor"})
# Which class is called to make an application, and how one of its kind is served.
ASGI, WSGI = "ASGI", "WSGI"
APPLICATIONS = {
    "FastAPI": ASGI,
    "Starlette": ASGI,
    "Litestar": ASGI,
    "Quart": ASGI,
    "Sanic": ASGI,
    "Flask": WSGI,
}
FACTORIES = ("create_app", "make_app", "get_app")
# What makes a checkout fit to start, by the file that says so.
BUILDS = {
    "package-lock.json": "npm ci",
    "yarn.lock": "yarn install --frozen-lockfile",
    "pnpm-lock.yaml": "pnpm install --frozen-lockfile",
}
SPECS = ("openapi.json", "swagger.json", "openapi.yaml", "openapi.yml")


@dataclass(frozen=True, slots=True)
class Start:
    """A command that should start the service, as for ``target.start``, and what suggests it."""

    command: str
    because: str


@dataclass(frozen=True, slots=True)
class Clues:
    """What a repository tells: its name, how it may start (the likeliest first), files to use.

    ``build`` may make a checkout of it fit to start; it is only a guess.
    """

    name: str
    starts: tuple[Start, ...]
    build: str
    locustfile: str | None
    spec: str | None


def read_clues(root: Path) -> Clues:
    """Return what the repository at ``root`` tells."""
    files = tuple(_files(root))
    starts = [start for read in READERS for start in read(root, files)]
    return Clues(
        name=root.resolve().name,
        starts=tuple(starts),
        build=next((build for name, build in BUILDS.items() if Path(name) in files), "make"),
        locustfile=_first(files, _is_locustfile, root),
        spec=_first(files, lambda path: path.name in SPECS, root),
    )


def _files(root: Path) -> Iterator[Path]:
    """Yield the repository's own files as paths below ``root``, those higher up first."""
    count = 0
    for place, directories, names in os.walk(root):
        own = (name for name in directories if name not in FOREIGN and not name.startswith("."))
        directories[:] = sorted(own)
        for name in sorted(names):
            count += 1
            if count > MOST_FILES:
                return
            yield (Path(place) / name).relative_to(root)


def _first(files: tuple[Path, ...], wanted: Callable[[Path], bool], root: Path) -> str | None:
    found = (path for path in files if wanted(path) and (root / path).is_file())
    best = min(found, key=lambda path: len(path.parts), default=None)
    return None if best is None else str(best)


def _is_locustfile(path: Path) -> bool:
    return path.name == "locustfile.py" or (path.suffix == ".py" and path.parts[0] == "locustfiles")


def _of_procfile(root: Path, files: tuple[Path, ...]) -> Iterator[Start]:
    """Yield what a Procfile calls ``web``, its port filled in."""
    if Path("Procfile") not in files:
        return
    found = re.search(r"^web:\s*(.+)$", _text(root / "Procfile"), re.MULTILINE)
    if found:
        command = re.sub(r"\$\{?PORT(?::-\d+)?\}?", "{port}", found[1].strip())
        yield Start(_with_port(command.replace("0.0.0.0", "127.0.0.1")), "Procfile, web")  # noqa: S104 - replaced


def _of_node(root: Path, files: tuple[Path, ...]) -> Iterator[Start]:
    """Yield the start script of a package.json, without npm, which would stand before it."""
    if Path("package.json") not in files:
        return
    try:
        package = json.loads(_text(root / "package.json"))
    except ValueError:
        return
    if not isinstance(package, dict):
        return
    scripts = package.get("scripts")
    command = scripts.get("start") if isinstance(scripts, dict) else None
    if isinstance(command, str) and _plain(command):
        yield Start(_with_port(command), "package.json, scripts.start")
        return
    names = (str(package.get("main", "")), "server.js", "index.js", "app.js")
    found = next((name for name in names if name and Path(name) in files), None)
    if found:
        yield Start(_with_port(f"node {shlex.quote(found)}"), found)


def _of_django(root: Path, files: tuple[Path, ...]) -> Iterator[Start]:
    """Yield how the project of a manage.py is served, by gunicorn where it is asked for."""
    if Path("manage.py") not in files:
        return
    wsgi = next((path for path in files if path.name == "wsgi.py"), None)
    if wsgi is not None and _asks_for(root, files, "gunicorn"):
        module = _module(wsgi)
        command = f"{{python}} -m gunicorn {module} --bind 127.0.0.1:{{port}}"
        yield Start(command, f"{wsgi}, and gunicorn is required")
    yield Start("{python} manage.py runserver --noreload 127.0.0.1:{port}", "manage.py")


def _of_python(root: Path, files: tuple[Path, ...]) -> Iterator[Start]:
    """Yield the applications that are made in Python modules, those higher up first."""
    modules = [path for path in files if path.suffix == ".py" and "test" not in str(path).lower()]
    for path in sorted(modules, key=lambda path: (len(path.parts), path.parts)):
        try:
            tree = ast.parse(_text(root / path))
        except (SyntaxError, ValueError):
            continue
        for name, kind in _applications(tree):
            yield _served(path, name, kind)


def _applications(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the applications that a module makes, ``name()`` where a function does."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            kind = _made(node.value)
            if kind:
                yield node.targets[0].id, kind
        elif isinstance(node, ast.FunctionDef) and node.name in FACTORIES and not _needs(node):
            kinds = (kind for inner in ast.walk(node) if (kind := _made(inner)))
            kind = next(kinds, "")
            if kind:
                yield f"{node.name}()", kind


def _needs(function: ast.FunctionDef) -> bool:
    """Tell whether a function cannot be called with nothing."""
    own = function.args
    required_by_name = any(default is None for default in own.kw_defaults)
    return len(own.posonlyargs) + len(own.args) > len(own.defaults) or required_by_name


def _made(node: ast.AST) -> str:
    """Return the kind of application that an expression makes, "" if none."""
    if not isinstance(node, ast.Call):
        return ""
    called = node.func
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    return APPLICATIONS.get(name, "")


def _served(path: Path, name: str, kind: str) -> Start:
    in_src = path.parts[0] == "src"
    place = f"{_module(path.relative_to('src') if in_src else path)}:{name.removesuffix('()')}"
    found_by = "env PYTHONPATH=src " if in_src else ""
    if kind == WSGI:
        serve = f"flask --app {place} run --host 127.0.0.1 --port {{port}}"
    else:
        factory = " --factory" if name.endswith("()") else ""
        serve = f"uvicorn {place}{factory} --host 127.0.0.1 --port {{port}}"
    return Start(f"{found_by}{{python}} -m {serve}", f"{path}, {name}")


def _module(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _asks_for(root: Path, files: tuple[Path, ...], package: str) -> bool:
    named = (path for path in files if path.name in ("requirements.txt", "pyproject.toml"))
    return any(package in _text(root / path).lower() for path in named)


def _with_port(command: str) -> str:
    """Return the command with the port where most frameworks look for it, unless it is named."""
    return command if "{port}" in command else f"env PORT={{port}} {command}"


def _plain(command: str) -> bool:
    """Tell whether a command means the same without a shell."""
    return not re.search(r"[&|;<>$`*]", command)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


READERS = (_of_procfile, _of_node, _of_django, _of_python)
