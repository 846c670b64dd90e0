"""The modules of perfgate as syntax trees, and what the texts in them say to whoever reads them.

Nothing of perfgate is run for it, so that a text is found wherever it stands. What is only known
at run time is shown by its name in capitals, or as ``...`` where a name would tell nothing.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeGuard

ROOT = Path(__file__).parent.parent.parent
UNKNOWN = "..."
# More than so many ways to say one thing are no help.
MOST_WAYS = 6
# Names that a reader of the message takes for what they stand for.
TELLING = re.compile(
    "bad|branch|command|commit|directory|file|given|good|host|name|operation|path|port|profile|"
    "program|ref|role|service|tag|url"
)


@dataclass(frozen=True)
class Place:
    """A node of a module, with the innermost function around it, if there is one."""

    source: Source
    node: ast.AST
    function: ast.FunctionDef | None

    def says(self, node: ast.expr | None) -> list[str]:
        """Return the ways in which an expression of this place may read; none: it says nothing."""
        ways = _Reader(self).read(node) if node else []
        plain = (re.sub(r"\.{4,}", UNKNOWN, way) for way in ways)
        return [way for way in dict.fromkeys(plain) if way.strip(". ")][:MOST_WAYS]


@dataclass(frozen=True)
class Call(Place):
    """A call in a module: ``name`` is the last one of what it calls."""

    node: ast.Call

    @property
    def name(self) -> str:
        """Return the last name of what it calls, "" where that has none."""
        match self.node.func:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                return name
        return ""

    def given(self, position: int, keyword: str) -> ast.expr | None:
        """Return what it gives for a parameter; None where it leaves that out."""
        named = [own.value for own in self.node.keywords if own.arg == keyword]
        return next(iter([*named, *self.node.args[position : position + 1]]), None)


@dataclass(frozen=True)
class Source:
    """A module of perfgate."""

    module: str
    tree: ast.Module

    @cached_property
    def calls(self) -> list[Call]:
        """Return every call, in the order of the text."""
        return list(self._calls(self.tree, None))

    def _calls(self, node: ast.AST, function: ast.FunctionDef | None) -> Iterator[Call]:
        if isinstance(node, ast.Call):
            yield Call(self, node, function)
        inner = node if isinstance(node, ast.FunctionDef) else function
        for child in ast.iter_child_nodes(node):
            yield from self._calls(child, inner)

    @cached_property
    def classes(self) -> list[ast.ClassDef]:
        """Return the classes of the module."""
        return [own for own in self.tree.body if isinstance(own, ast.ClassDef)]

    @cached_property
    def functions(self) -> dict[str, ast.FunctionDef]:
        """Return the functions of the module, and the methods of its classes, by name."""
        bodies = [self.tree.body, *(own.body for own in self.classes)]
        defined = (own for body in bodies for own in body if isinstance(own, ast.FunctionDef))
        return {own.name: own for own in defined}

    @cached_property
    def constants(self) -> dict[str, ast.expr]:
        """Return what names of the module stand for."""
        return {
            target.id: own.value
            for own in self.tree.body
            if isinstance(own, ast.Assign)
            for target in own.targets
            if isinstance(target, ast.Name)
        }

    @cached_property
    def imported(self) -> dict[str, str]:
        """Return the modules that names were imported from."""
        return {
            alias.asname or alias.name: own.module
            for own in self.tree.body
            if isinstance(own, ast.ImportFrom) and own.module
            for alias in own.names
        }


def sources() -> dict[str, Source]:
    """Return the modules of perfgate by their names, sorted."""
    found = {}
    for path in sorted((ROOT / "perfgate").rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        found[module] = Source(module, ast.parse(path.read_text()))
    return found


ALL = sources()


@dataclass(frozen=True)
class _Reader:
    """Reads expressions of one place, which a call may have led to.

    ``depth`` ends what leads round in a circle.
    """

    place: Place
    depth: int = 8
    caller: Call | None = None

    def read(self, node: ast.expr) -> list[str]:
        """Return every way in which the expression may read."""
        match node:
            case ast.Constant(value=str(text)):
                return [text]
            case ast.JoinedStr(values=parts):
                return _joined([self._part(part) for part in parts])
            case ast.BinOp(op=ast.Add(), left=left, right=right):
                return _joined([self.read(left), self.read(right)])
            case ast.Name() | ast.Call() if self.depth:
                return self._named(node.id) if isinstance(node, ast.Name) else self._called(node)
        chosen = [text for one in _choices(node) for text in self.read(one)]
        return chosen or [_shown(node)]

    def _part(self, part: ast.expr) -> list[str]:
        """Return how a part of a formatted text may read: chosen words, else a stand-in."""
        if not isinstance(part, ast.FormattedValue):
            return self.read(part)
        mark, shown = "'" if part.conversion == ord("r") else "", _shown(part.value)
        chosen = isinstance(part.value, ast.IfExp | ast.Name) and shown == UNKNOWN
        known = self.read(part.value) if chosen else [shown]
        return [f"{mark}{text}{mark}" for text in ([shown] if UNKNOWN in known else known)]

    def _named(self, name: str) -> list[str]:
        """Return what a name stands for: in its function, as given to it, or in a module."""
        source, function = self.place.source, self.place.function
        if function is not None:
            if assigned := _reaching(function.body, self.place.node, name, []):
                return [text for value in assigned for text in self._at(value).read(value)]
            names = [own.arg for own in function.args.args]
            if name in names and function.name != "__init__":
                return self._given(function, names.index(name), name) or [_shown(ast.Name(name))]
        for own in (source, ALL.get(source.imported.get(name, ""))):
            if own is not None and name in own.constants:
                value = own.constants[name]
                return self._at(value, Place(own, value, None)).read(value)
        return [_shown(ast.Name(name))]

    def _given(self, function: ast.FunctionDef, position: int, name: str) -> list[str]:
        """Return the texts that are given for a parameter: by the call that led here, or by any.

        Callers of a private function are in its module; of a public one, whose name may be that of
        others too, only what is plainly a text counts.
        """
        private = function.name.startswith("_")
        method = function.args.args[0].arg in {"self", "cls"}
        near = [self.place.source] if private else ALL.values()
        every = (call for source in near for call in source.calls if call.name == function.name)
        led = self.caller is not None and self.caller.name == function.name
        calls = [self.caller] if self.caller is not None and led else every
        given = ((call, call.given(position - method, name)) for call in calls)
        found = [
            text
            for call, value in given
            if value is not None and (private or led or _is_text(value))
            for text in self._at(value, call).read(value)
        ]
        return [text for text in found if text != UNKNOWN]

    def _called(self, node: ast.Call) -> list[str]:
        """Return what a function returns, or what a text is before it is trimmed."""
        match node.func:
            case ast.Name(id=name) | ast.Attribute(value=ast.Name("self"), attr=name):
                return self._returned(node, name) or [_shown(node)]
            case ast.Attribute(value=text, attr="format" | "lstrip" | "rstrip"):
                return [re.sub(r"\{(\w+)\}", _stand_in, way) for way in self.read(text)]
            case ast.Attribute(value=ast.Constant("\n"), attr="join") if node.args:
                return self.read(node.args[0])
        return [_shown(node)]

    def _returned(self, node: ast.Call, name: str) -> list[str]:
        """Return what a function of this module, or one that it has imported, returns here."""
        here = self.place.source
        source = here if name in here.functions else ALL.get(here.imported.get(name, ""))
        own = source.functions.get(name) if source else None
        if source is None or own is None:
            return []
        caller = Call(here, node, self.place.function)
        returned = (one for one in ast.walk(own) if isinstance(one, ast.Return) and one.value)
        return [
            text
            for one in returned
            if one.value
            for text in _Reader(Place(source, one, own), self.depth - 1, caller).read(one.value)
        ]

    def _at(self, node: ast.AST, place: Place | None = None) -> _Reader:
        """Return who reads at another node: of this function, if no other place is named."""
        if place is not None:
            return _Reader(place, self.depth - 1)
        here = Place(self.place.source, node, self.place.function)
        return _Reader(here, self.depth - 1, self.caller)


def _joined(parts: list[list[str]]) -> list[str]:
    return ["".join(ways) for ways in product(*parts)]


def _choices(node: ast.expr) -> list[ast.expr]:
    """Return the expressions one of which is taken, or the first one of a list."""
    match node:
        case ast.IfExp(body=one, orelse=other):
            return [one, other]
        case ast.BoolOp(values=values):
            return values
        case ast.List(elts=[first, *_]) | ast.Starred(value=first):
            return [first]
    return []


def _reaching(
    statements: list[ast.stmt], node: ast.AST, name: str, known: list[ast.expr]
) -> list[ast.expr]:
    """Return what may have been assigned to a name last, where the node is reached."""
    for statement in statements:
        if _holds(statement, node):
            blocks = [getattr(statement, part, []) for part in ("body", "orelse", "finalbody")]
            blocks += [own.body for own in getattr(statement, "handlers", [])]
            for block in blocks:
                if any(_holds(own, node) for own in block):
                    return _reaching(block, node, name, known)
            return known
        assigned = [own.value for own in ast.walk(statement) if _assigns(own, name)]
        known = assigned if _assigns(statement, name) else [*known, *assigned]
    return known


def _is_text(node: ast.expr) -> bool:
    constant = isinstance(node, ast.Name) and node.id.isupper()
    return constant or isinstance(node, ast.Constant | ast.JoinedStr)


def _holds(statement: ast.AST, node: ast.AST) -> bool:
    return any(own is node for own in ast.walk(statement))


def _assigns(node: ast.AST, name: str) -> TypeGuard[ast.Assign]:
    return isinstance(node, ast.Assign) and any(
        isinstance(target, ast.Name) and target.id == name for target in node.targets
    )


def _shown(node: ast.expr) -> str:
    """Return the stand-in for what is known at run time only."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) if TELLING.fullmatch(name.strip("_")):
            return name.strip("_").upper()
        case ast.Subscript(value=value, slice=ast.Slice()):
            return _shown(value)
        case ast.Call(func=ast.Name(id="escaped" | "str"), args=[value]):
            return _shown(value)
    return UNKNOWN


def _stand_in(found: re.Match[str]) -> str:
    return _shown(ast.Name(found[1]))
