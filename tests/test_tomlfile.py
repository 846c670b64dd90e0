"""A TOML file becomes a model or all of its faults, each told where it is and in plain words."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from perfgate.errors import FileFaultsError, UsageError
from perfgate.exitcodes import ExitCode
from perfgate.faults import Fault
from perfgate.tomlfile import (
    SHOWN_CHARACTERS,
    Flaw,
    TomlFile,
    dotted,
    near_match,
    near_or_all,
    parse_model,
    read_toml,
    schema_of,
    shown,
    table_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# On a busy machine an example may take its time; that is not what these laws are about.
patient = settings(deadline=None)


class Part(BaseModel):
    """A part of a garden."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    area: Annotated[float, Field(gt=0)] = Field(description="Square metres.")
    soil: Literal["clay", "sand"] | None = None


class Garden(BaseModel):
    """A model with every kind of field that our files have."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    owner: Annotated[str, Field(min_length=1)] = Field(default="me", description="Who digs.")
    open: bool = True
    beds: Annotated[int, Field(ge=1, lt=100, multiple_of=2)] = 2
    share: Annotated[float, Field(ge=0, le=1)] = 0.5
    since: date | None = None
    sizes: Annotated[tuple[int, ...], Field(min_length=1, max_length=3)] = (1,)
    prices: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    parts: tuple[Part, ...] = Field(default=(), alias="part")
    main: Part | None = None


def written(tmp_path: Path, text: str, name: str = "garden.toml") -> Path:
    """Return the path of a file that holds ``text``."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8", newline="")
    return path


def faults_in(path: Path, under: tuple[str, ...] = ()) -> list[Fault]:
    """Return the faults that reading a garden finds."""
    with pytest.raises(FileFaultsError) as caught:
        parse_model(read_toml(path), Garden, under=under)
    assert caught.value.exit_code is ExitCode.USAGE
    assert caught.value.path == str(path)
    return list(caught.value.faults)


def only_fault(tmp_path: Path, text: str) -> Fault:
    """Return the one fault of a garden written as ``text``."""
    [fault] = faults_in(written(tmp_path, text))
    return fault


def test_a_faultless_file_becomes_its_model(tmp_path: Path) -> None:
    """What the file says is what the model holds, with lists as tuples and defaults filled in."""
    path = written(tmp_path, 'sizes = [1, 2]\nsince = 2018-07-13\n[[part]]\nname="a"\narea = 3\n')
    garden = parse_model(read_toml(path), Garden)
    assert garden.sizes == (1, 2)
    assert garden.since == date(2018, 7, 13)
    assert garden.parts == (Part(name="a", area=3.0),)
    assert garden.owner == "me"


def test_a_table_below_the_top_is_read_alone(tmp_path: Path) -> None:
    """Below a table, the rest of the file may hold what it likes, and paths name the table."""
    text = 'x = 1\n[tool.other]\ny = 2\n[tool.garden]\nbeds = 4\nownr = "you"\n'
    path = written(tmp_path, text)
    assert table_of(read_toml(path), ("tool", "garden")) == {"beds": 4, "ownr": "you"}
    [fault] = faults_in(path, ("tool", "garden"))
    assert (fault.line, fault.where) == (6, "tool.garden.ownr")


def test_all_faults_come_at_once_in_order_of_lines(tmp_path: Path) -> None:
    """Five faults are five, each with its line, its path, what was found and the near match."""
    text = """\
ownr = "you"
share = 1.5

[[part]]
name = "north"
soil = "Caly"
area = 2

[[part]]
area = "wide"
"""
    faults = faults_in(written(tmp_path, text))
    assert faults == [
        Fault(1, "ownr", "is not a known key", '"you"', 'did you mean "owner"?'),
        Fault(2, "share", "must be a number of at most 1", "1.5"),
        Fault(
            6,
            "part[north].soil",
            'must be one of "clay", "sand"',
            '"Caly"',
            'did you mean "clay"?',
        ),
        Fault(9, "part[#2].name", "is missing"),
        Fault(10, "part[#2].area", "must be a number", '"wide"'),
    ]


@pytest.mark.parametrize(
    ("text", "problem", "found"),
    [
        ('owner = ""', "must not be empty", '""'),
        ("owner = 3", 'must be text in "quotes"', "3"),
        ('open = "yes"', "must be true or false", '"yes"'),
        ("beds = 0", "must be a number of at least 1", "0"),
        ("beds = 100", "must be a number less than 100", "100"),
        ("beds = 3", "must be a multiple of 2", "3"),
        ("beds = 2.0", "must be a whole number", "2.0"),
        ('beds = "2"', "must be a whole number", '"2"'),
        ("beds = true", "must be a whole number", "true"),
        ("share = inf", "must be a finite number", "inf"),
        ("share = nan", "must be a finite number", "nan"),
        ("since = 2018-07-13T00:00:00", "must be a date like 2018-07-13", "2018-07-13T00:00:00"),
        ("sizes = []", "must hold at least 1", "[]"),
        ("sizes = [1, 2, 3, 4]", "must hold at most 3", "[1, 2, 3, 4]"),
        ("sizes = 1", "must be a list: values in [brackets], tables each under its [[name]]", "1"),
        ("prices = [1]", "must be a table", "[1]"),
        ("prices = { leek = 0 }", "must be a number greater than 0", "0"),
        ("main = 1", "must be a table", "1"),
    ],
)
def test_problems_are_told_in_plain_words(
    tmp_path: Path, text: str, problem: str, found: str
) -> None:
    """Every kind of wrong value has a sentence of ours, and shows what was found."""
    fault = only_fault(tmp_path, text)
    assert (problem, found, 1) == (fault.problem, fault.found, fault.line)


def test_a_faulty_element_does_not_make_its_list_short(tmp_path: Path) -> None:
    """A list whose only element is wrong has one fault: the element."""
    fault = only_fault(tmp_path, 'sizes = [\n"a"\n]')
    assert fault == Fault(1, "sizes[#1]", "must be a whole number", '"a"')


def test_a_missing_key_says_what_it_is_for(tmp_path: Path) -> None:
    """A missing key has the line of its table, and the model's own description as its hint."""
    fault = only_fault(tmp_path, 'beds = 2\n\n[main]\nname = "lawn"\n')
    assert fault == Fault(3, "main.area", "is missing", hint="Square metres.")


def test_an_unknown_key_without_a_near_match_lists_the_known_ones(tmp_path: Path) -> None:
    """Where nothing is near, the hint says what is allowed, at any depth."""
    fault = only_fault(tmp_path, '[main]\nname = "lawn"\narea = 1\nxyzzy = { a = 1 }\n')
    assert fault.hint == "known here: name, area, soil"
    assert fault.found == "a table"


def test_names_of_fields_are_those_of_the_file(tmp_path: Path) -> None:
    """A field's Python name is no key of the file, and the hint tells the one that is."""
    fault = only_fault(tmp_path, "parts = []\n")
    assert (fault.where, fault.hint) == ("parts", 'did you mean "part"?')


def test_laws_are_heard_beside_the_models_faults(tmp_path: Path) -> None:
    """Flaws between fields are told together with those of single fields, with lines."""

    def laws(table: Mapping[str, object]) -> Iterator[Flaw]:
        yield Flaw(("beds",), f"does not fit {table['owner']}", "4", "dig")

    path = written(tmp_path, 'owner = "you"\nbeds = 4\nshare = -1\n')
    with pytest.raises(FileFaultsError) as caught:
        parse_model(read_toml(path), Garden, laws=laws)
    assert [fault.where for fault in caught.value.faults] == ["beds", "share"]
    assert caught.value.faults[0] == Fault(2, "beds", "does not fit you", "4", "dig")


def test_a_broken_law_alone_is_enough(tmp_path: Path) -> None:
    """A valid model is not returned when a law between its fields is broken."""
    path = written(tmp_path, "beds = 4\n")
    with pytest.raises(FileFaultsError, match=r"1 fault$"):
        parse_model(read_toml(path), Garden, laws=lambda _: [Flaw((), "is too late")])


def test_what_is_not_toml_has_one_fault_with_a_line(tmp_path: Path) -> None:
    """A syntax error is one fault, with the line to mend."""
    problem = "the string that begins in line 2 is not closed"
    mended = Fault(2, "", problem, 'b = "x', "close it in the same line")
    assert only_fault(tmp_path, 'a = 1\nb = "x\nc = 2\n') == mended


def test_a_byte_order_mark_is_named(tmp_path: Path) -> None:
    """The invisible character some editors write is told, for no one would see it."""
    assert "byte order mark" in only_fault(tmp_path, "\ufeffbeds = 2\n").hint


@pytest.mark.parametrize("text", ["a = " + "[" * 5000 + "]" * 5000, "a = " + "9" * 5000])
def test_what_is_too_large_to_read_is_a_fault(tmp_path: Path, text: str) -> None:
    """TOML that Python cannot hold ends in a fault, not in a traceback."""
    assert only_fault(tmp_path, text).problem == "holds a value too large to be read"


def test_a_missing_file_names_its_neighbour(tmp_path: Path) -> None:
    """A path that is not there is a fault of usage, with the near match of the directory."""
    written(tmp_path, "", "demand.toml")
    with pytest.raises(UsageError, match="there is no such file") as caught:
        read_toml(tmp_path / "demnad.toml")
    assert caught.value.hint == 'did you mean "demand.toml"?'
    with pytest.raises(UsageError, match="there is no such file"):
        read_toml(tmp_path / "nowhere" / "demand.toml")


def test_a_directory_is_not_a_file(tmp_path: Path) -> None:
    """A directory in place of the file is said to be one."""
    with pytest.raises(UsageError, match="is a directory") as caught:
        read_toml(tmp_path)
    assert caught.value.hint


def test_an_unreadable_path_is_a_fault_of_usage(tmp_path: Path) -> None:
    """What the system refuses to read is told in the system's words."""
    (tmp_path / "loop.toml").symlink_to("loop.toml")
    with pytest.raises(UsageError, match="cannot be read"):
        read_toml(tmp_path / "loop.toml")


def test_other_encodings_are_told_with_their_line(tmp_path: Path) -> None:
    """A file that is not UTF-8 is not guessed at; the line of the first wrong byte is named."""
    path = tmp_path / "latin.toml"
    path.write_bytes(b'a = 1\nb = "caf\xe9"\n')
    with pytest.raises(UsageError, match="line 2 is not UTF-8"):
        read_toml(path)


def test_elements_are_named_or_counted_from_one() -> None:
    """A path says which element it means by name, or by a number marked as one."""
    tables = {"part": ({"name": "north"}, {"area": 1}, {"name": "a b"})}
    assert dotted(("part", 0, "area"), tables) == "part[north].area"
    assert dotted(("part", 1, "area"), tables) == "part[#2].area"
    assert dotted(("part", 2), tables) == 'part["a b"]'
    assert dotted(("slo", "*", "p99_ms"), {}) == 'slo."*".p99_ms'
    assert dotted((), {}) == ""


def test_near_matches_ignore_case() -> None:
    """A known word in the wrong case is near; a strange word is not, and lists what is known."""
    assert near_match("POISSON", ["poisson", "uniform"]) == 'did you mean "poisson"?'
    assert near_match("xyz", ["poisson", "uniform"]) == ""
    assert near_or_all("xyz", ["b", "a"]) == "known here: b, a"


@patient
@given(st.text())
def test_text_is_shown_printable_and_short(text: str) -> None:
    """Nothing found in a file can move a terminal's cursor or fill its screen."""
    assert shown(text).isprintable()
    assert len(shown(text)) <= SHOWN_CHARACTERS


@patient
@given(
    st.one_of(
        st.booleans(),
        st.integers(-(10**6), 10**6),
        st.dates(),
        st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20),
        st.lists(st.integers(0, 9), max_size=5).map(tuple),
    )
)
def test_values_are_shown_as_the_file_writes_them(value: object) -> None:
    """What is shown of a short value is TOML for that value."""
    read = tomllib.loads(f"a = {shown(value)}")["a"]
    assert value == (tuple(read) if isinstance(read, list) else read)


ANYTHING = st.recursive(
    st.one_of(st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.dates()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.sampled_from([*Part.model_fields, "x"]), inner, max_size=3),
    ),
    max_leaves=6,
)


@patient
@given(st.dictionaries(st.sampled_from([*Garden.model_fields, "part", "y"]), ANYTHING, min_size=1))
def test_no_jargon_reaches_the_user(tables: dict[str, object]) -> None:
    """Whatever stands in a file, the words about it are ours."""
    try:
        parse_model(TomlFile(Path("garden.toml"), "", tables), Garden)
    except FileFaultsError as error:
        for fault in error.faults:
            told = f"{fault.problem} {fault.hint}"
            assert not {"Input", "input", "valid", "{", "pydantic"} & set(told.split())
            assert fault.problem


def test_the_schema_says_what_it_is() -> None:
    """A JSON Schema names its draft and its file, and uses the file's keys."""
    schema = schema_of(Garden, "garden.toml")
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["title"] == "garden.toml"
    properties = schema["properties"]
    assert isinstance(properties, dict)
    assert "part" in properties
    assert "parts" not in properties
