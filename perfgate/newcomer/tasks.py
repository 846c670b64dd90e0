"""The text of a Locust file becomes the names of its tasks, without Locust, which takes a second.

What only Python could tell, such as tasks of classes in other files, is not found out.
"""

from __future__ import annotations

import ast
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Of what comes from these, nothing is a user class with tasks of its own.
TASKLESS = frozenset({"locust", "perfgate", *sys.stdlib_module_names})
# What uses one of these may make tasks of names that stand nowhere.
DYNAMIC = frozenset({"eval", "exec", "globals", "setattr", "vars"})


def read_tasks(path: Path) -> list[str] | None:
    """Return the names of all tasks of a Locust file, or None where reading it does not tell them.

    One that marks no task at all tells none.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    return all_tasks_in(text) or None


def tasks_in(text: str) -> list[str]:
    """Return the names of the functions marked @task, in their order."""
    return _marked(ast.parse(text))


def all_tasks_in(text: str) -> list[str] | None:
    """Return the names of all tasks, or None where there may be others than are marked here.

    That is so where classes or marks come from other files, where `tasks` is assigned or `task` is
    more than a mark, or where it is no Python.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return None
    nodes = list(ast.walk(tree))
    marks = [mark for node in nodes for mark in _marks(node)]
    bases = [base for node in nodes if isinstance(node, ast.ClassDef) for base in node.bases]
    foreign = {name for node in nodes for name in _foreign(node)}
    unsure = (
        any(map(_brings_others, nodes))
        or any(_root(own) in foreign for own in (*marks, *bases))
        or any(_is_mark(node) and node not in marks for node in nodes)
    )
    return None if unsure else _marked(tree)


def _marked(tree: ast.Module) -> list[str]:
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    return list(dict.fromkeys(node.name for node in functions if _is_task(node)))


def _is_task(function: ast.FunctionDef) -> bool:
    return any(map(_is_mark, _marks(function)))


def _marks(node: ast.AST) -> Iterator[ast.expr]:
    """Yield what a function or class is marked with, without what is given to the marks."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        for own in node.decorator_list:
            yield own.func if isinstance(own, ast.Call) else own


def _is_mark(node: ast.AST) -> bool:
    return getattr(node, "id", getattr(node, "attr", "")) == "task"


def _foreign(node: ast.AST) -> Iterator[str]:
    """Yield the names that stand for what other files have."""
    match node:
        case ast.ImportFrom(names=names) if not _taskless(node):
            yield from (own.asname or own.name for own in names)
        case ast.Import(names=names):
            modules = {own.asname or own.name.partition(".")[0]: own.name for own in names}
            yield from (name for name, module in modules.items() if _top(module) not in TASKLESS)


def _brings_others(node: ast.AST) -> bool:
    match node:
        case ast.ImportFrom(names=names) if not _taskless(node):
            return any(own.name == "*" or own.name[:1].isupper() for own in names)
        case ast.ImportFrom(names=names):
            return any(own.name == "task" and own.asname for own in names)
        case ast.ClassDef(bases=bases):
            return any(
                _root(base) not in TASKLESS for base in bases if isinstance(base, ast.Attribute)
            )
        case ast.Name(id=name) if name in DYNAMIC:
            return True
        case (
            ast.Call(func=ast.Name(id="type"), args=[_, _, _])
            | ast.Name(id="tasks", ctx=ast.Store())
            | ast.Attribute(attr="tasks", ctx=ast.Store())
        ):
            return True
    return False


def _taskless(node: ast.ImportFrom) -> bool:
    return node.level == 0 and _top(node.module or "") in TASKLESS


def _top(module: str) -> str:
    return module.partition(".")[0]


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
