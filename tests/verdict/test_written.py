"""Where keys stand in the user's files is kept with the terms, and read back as it was."""

from __future__ import annotations

import pytest
from builders import case, terms

from perfgate.verdict.case import Case
from perfgate.verdict.written import Written

CONFIG = """\
service = "auth"

[slo."*"]
p95_ms = 100.0
"""
PYPROJECT = '[project]\nname = "x"\n\n[tool.perfgate]\nservice = "auth"\n'


@pytest.mark.parametrize(
    ("at", "line"),
    [
        (("service",), 1),
        (("slo", "*"), 3),
        (("slo", "*", "p95_ms"), 4),
        (("slo", "login"), 3),
        (("margins", "slowdown"), 1),
        ((), 1),
    ],
)
def test_a_key_has_its_line(at: tuple[str, ...], line: int) -> None:
    """A key that is not written has the line of the nearest thing around it."""
    assert Written.of("perfgate.toml", CONFIG).line(at) == line


def test_a_table_of_another_file() -> None:
    """Of a configuration within another file only its own keys count, from its table on."""
    written = Written.of("pyproject.toml", PYPROJECT, ("tool", "perfgate"))
    assert (written.line(("service",)), written.line(())) == (5, 4)
    assert written.line(("project",)) == 4


def test_uncertain_lines_are_none() -> None:
    """Of a text that is no TOML nothing is said."""
    assert Written.of("perfgate.toml", "= 1").line(("service",)) is None


def test_lines_survive_the_file() -> None:
    """A saved case tells the same lines, positions in lists among them."""
    written = Written.of("demand.toml", '[[dependent]]\nname = "a"\n')
    made = case(held_to=terms(ledger_file=written))
    again = Case.model_validate_json(made.to_text())
    assert again == made
    assert again.terms.ledger_file is not None
    assert again.terms.ledger_file.line(("dependent", 0, "name")) == 2


def test_older_files_have_none() -> None:
    """A case from before lines were kept is still read."""
    made = case()
    assert made.terms.config_file is None
    assert Case.model_validate(made.model_dump(mode="json", by_alias=True)) == made
