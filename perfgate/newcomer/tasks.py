"""The text of a Locust file becomes the names of its tasks, without Locust, which takes a second.

What only Python could tell, such as tasks of classes in other files, is not found out.
"""

from __future__ import annotations

import ast
import sys

# Of what comes from these, nothing is a user class with tasks of its own.
TASKLESS = frozenset({"locust", "perfgate", *sys.stdlib_module_names})


def tasks_in(text: str) -> list[str]:
    """Return the names of the functions marked @task, in their order."""
    return _marked(ast.parse(text))


def all_tasks_in(text: str) -> list[str] | None:
    """Return the names of all tasks, or None where there may be others than are marked here.

    That is so where classes come from other files, or `tasks` is assigned, or it is no Python.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return None
    return None if any(map(_brings_others, ast.walk(tree))) else _marked(tree)


def _marked(tree: ast.Module) -> list[str]:
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    return list(dict.fromkeys(node.name for node in functions if _is_task(node)))


def _is_task(function: ast.FunctionDef) -> bool:
    marks = (own.func if isinstance(own, ast.Call) else own for own in function.decorator_list)
    return any(getattr(own, "id", getattr(own, "attr", "")) == "task" for own in marks)


def _brings_others(node: ast.AST) -> bool:
    match node:
        case ast.ImportFrom(names=names) if not _taskless(node):
            return any(own.name == "*" or own.name[:1].isupper() for own in names)
        case ast.ClassDef(bases=bases):
            return any(
                _root(base) not in TASKLESS for base in bases if isinstance(base, ast.Attribute)
            )
        case ast.Name(id="tasks", ctx=ast.Store()) | ast.Attribute(attr="tasks", ctx=ast.Store()):
            return True
    return False


def _taskless(node: ast.ImportFrom) -> bool:
    return node.level == 0 and (node.module or "").partition(".")[0] in TASKLESS


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
