"""The line of a key is the line where it stands, in every layout TOML allows, or none."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfgate.tomllines import KeyPath, key_lines, line_at

# On a busy machine an example may take its time; that is not what these laws are about.
patient = settings(deadline=None)

NO_KEYS: tuple[tuple[KeyPath, int], ...] = ()

# Each value with the newlines inside it, and the keys inside it: their paths and lines below.
VALUES: list[tuple[str, tuple[tuple[KeyPath, int], ...]]] = [
    ("1", NO_KEYS),
    ("true # [not.a.table]", NO_KEYS),
    ('"a # b"', NO_KEYS),
    ('"""\n[fake]\nk9 = 1\n"""', NO_KEYS),
    ("'''one\n\n[[fake]] # two'''", NO_KEYS),
    ('"""a\\\n   b"""', NO_KEYS),
    ("[]", NO_KEYS),
    ("[\n  1, # one\n\n  2,\n]", NO_KEYS),
    ("[ [1,\n2], ['''x\ny'''] ]", NO_KEYS),
    ("{}", NO_KEYS),
    ("{ p = 1, q.r = 2 }", ((("p",), 0), (("q",), 0), (("q", "r"), 0))),
    ("{ p = '''x\ny''', q = [1,\n2], r = { s = 3 } }",
     ((("p",), 0), (("q",), 1), (("r",), 2), (("r", "s"), 2))),
    ("[{ p = 1 },\n { p = 2 }]", NO_KEYS),
    ("1979-05-27T07:32:00Z", NO_KEYS),
]  # fmt: skip
KEYS = ["{}", '"{}"', "'{}'", "  {}", "\t{}", '"{} x.y"', '"\\u0041{}"']


@dataclass
class Writer:
    """Writes a document and remembers where it wrote what."""

    text: str = ""
    number: int = 0
    lines: dict[KeyPath, int] = field(default_factory=dict)
    lengths: dict[KeyPath, int] = field(default_factory=dict)

    def fresh(self) -> str:
        """Return a bare key not used before."""
        self.number += 1
        return f"k{self.number}"

    def note(self, at: KeyPath, below: int = 0) -> None:
        """Remember that ``at`` begins in the present line or ``below`` it; first wins."""
        line = self.text.count("\n") + 1 + below
        for length in range(1, len(at) + 1):
            self.lines.setdefault(at[:length], line)

    def pair(self, at: KeyPath, style: str, value: int) -> None:
        """Write one key with its value."""
        key = style.format(self.fresh())
        [name] = tomllib.loads(f"{key} = 1")
        text, inner = VALUES[value]
        self.note((*at, name))
        for path, below in inner:
            self.note((*at, name, *path), below)
        self.text += f"{key} = {text}\n"

    def dotted(self, at: KeyPath, shared: str, value: int) -> None:
        """Write a dotted key, below a first part that other dotted keys share."""
        name = self.fresh()
        text, inner = VALUES[value]
        self.note((*at, shared, name))
        for path, below in inner:
            self.note((*at, shared, name, *path), below)
        self.text += f"{shared} . {name} = {text}\n"

    def header(self, *names: str) -> KeyPath:
        """Write a table's header, perhaps below tables that it only implies."""
        self.note(names)
        self.text += f"[{'. '.join(names)}] # [c]\n"
        return names

    def element(self, *names: str) -> KeyPath:
        """Write the header of an element of an array of tables."""
        position = self.lengths.get(names, 0)
        self.lengths[names] = position + 1
        self.note((*names, position))
        self.text += f" [[{'.'.join(names)}]]\n"
        return (*names, position)


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, dict[KeyPath, int]]:
    """Documents in odd layouts, each with the lines of its keys."""
    writer = Writer()
    fill(draw, writer, ())
    for _ in range(draw(st.integers(0, 6))):
        writer.text += draw(st.sampled_from(["", "\n", "\n\n  \n", "# a = 1\n", "\t# [x]\n\n"]))
        section(draw, writer)
    text, ending = writer.text, draw(st.sampled_from(["\n", "\r\n"]))
    if draw(st.booleans()):
        text = text.removesuffix("\n")
    return text.replace("\n", ending), writer.lines


def section(draw: st.DrawFn, writer: Writer) -> None:
    """Write a table or an element of an array, with what hangs below it."""
    match draw(st.sampled_from(["table", "deep", "array", "spread", "inside"])):
        case "table":
            fill(draw, writer, writer.header(writer.fresh()))
        case "deep":
            fill(draw, writer, writer.header("shared", writer.fresh(), writer.fresh()))
        case "array":
            name = writer.fresh()
            for _ in range(draw(st.integers(1, 3))):
                fill(draw, writer, writer.element(name))
        case "spread":
            fill(draw, writer, writer.element("many"))
        case _:
            inside(draw, writer)


def inside(draw: st.DrawFn, writer: Writer) -> None:
    """Write elements with tables and arrays of their own."""
    name = writer.fresh()
    for _ in range(2):
        at = writer.element(name)
        fill(draw, writer, at)
        sub, rows = writer.fresh(), writer.fresh()
        writer.note((*at, sub))
        writer.text += f"[{name}.{sub}]\n"
        fill(draw, writer, (*at, sub))
        for position in range(2):
            writer.note((*at, rows, position))
            writer.text += f"  [[{name}.{rows}]]\n"
            fill(draw, writer, (*at, rows, position))


def fill(draw: st.DrawFn, writer: Writer, at: KeyPath) -> None:
    """Write some keys, comments and blank lines into the table that is open."""
    shared = writer.fresh()
    values = st.integers(0, len(VALUES) - 1)
    for kind in draw(st.lists(st.sampled_from(["pair", "dotted", "blank", "comment"]), max_size=4)):
        if kind == "pair":
            writer.pair(at, draw(st.sampled_from(KEYS)), draw(values))
        elif kind == "dotted":
            writer.dotted(at, shared, draw(values))
        else:
            writer.text += {"blank": "\n", "comment": "  # k = '''\n"}[kind]


@patient
@given(documents())
def test_a_line_is_right_or_absent(document: tuple[str, dict[KeyPath, int]]) -> None:
    """Every key's line is the one where it was written, or there are no lines at all."""
    text, written = document
    tomllib.loads(text)
    found = key_lines(text)
    assert found in ({}, {(): 1} | written)


@pytest.mark.parametrize(
    ("text", "at", "line"),
    [
        ("a = 1\n\nb = 2\n", ("b",), 3),
        ('a = """\nb = 0\n"""\nb = 2', ("b",), 4),
        ("[[d]]\nn = 1\n[[d]]\n\nn = 2\n", ("d", 1, "n"), 5),
        ("[[d]]\n[[d.c]]\nx=1\n[[d.c]]\nx=2\n[[d]]\n[[d.c]]\nx=3\n", ("d", 1, "c", 0, "x"), 8),
        ("[a.b]\nx = 1\n[c]\n[a.d]\ny = 1\n", ("a", "d", "y"), 5),
        ("[a.b]\nx = 1\n[c]\n[a]\ny = 1\n", ("a",), 4),
        ("x.y.z = 1\nw = 2\nx.y.v = 3\n", ("x", "y", "v"), 3),
        ("m = { a = [1,\n2], b = 3 }\nn = 1\n", ("m", "b"), 2),
        ("a = 1\r\n\r\n[b]\r\nc = 1\r\n", ("b", "c"), 4),
        ("\n\n[only.implied]\n", ("only",), 3),
    ],
)
def test_odd_layouts_do_have_lines(text: str, at: KeyPath, line: int) -> None:
    """Layouts that configurations and ledgers really have are not left without lines."""
    assert line == key_lines(text)[at]


def test_an_inline_array_has_one_line() -> None:
    """What stands inside an array of values is looked for where its key stands."""
    lines = key_lines("a = 1\nrows = [\n  { x = 1 },\n  { x = 2 },\n]\n")
    assert line_at(lines, ("rows", 1, "x")) == 2


def test_a_missing_key_is_looked_for_in_its_table() -> None:
    """A key that is not there has the line of the table around it; at the top, the first."""
    lines = key_lines("\n[a]\nb = 1\n")
    assert (line_at(lines, ("a", "c")), line_at(lines, ("c",))) == (2, 1)


@pytest.mark.parametrize(
    "text", ["[[a]]\nx=1\n[b]\n[[a]]\ny=1\n", "[a.b]\nx=1\n[[c]]\n[a.d]\ny=1\n"]
)
def test_what_the_parser_reorders_has_no_lines(text: str) -> None:
    """Where the parser forgets the order of tables, counting would be wrong: there are no lines."""
    assert key_lines(text) == {}


def test_what_cannot_be_parsed_has_no_lines() -> None:
    """A text that is not TOML gets no line rather than a wrong one."""
    assert key_lines("a = = 1") == {}
    assert line_at({}, ("a",)) is None
