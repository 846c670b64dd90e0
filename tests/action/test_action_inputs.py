"""Inputs become arguments of a check, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.action.inputs import OPTIONS, PREFIX, Inputs
from perfgate.cli.check import command
from perfgate.cli.overview import HELP_OPTIONS
from perfgate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

ACTION = Path(__file__).parents[2] / "action.yml"


def environ(workspace: Path, **inputs: str) -> dict[str, str]:
    """Return what the step sees, with these inputs."""
    return {"GITHUB_WORKSPACE": str(workspace)} | {
        f"{PREFIX}{name.upper()}": value for name, value in inputs.items()
    }


def parsed(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the options as ``perfgate check`` understands them."""
    context = click.Context(command, help_option_names=list(HELP_OPTIONS))
    command.parse_args(context, Inputs.of(environ).words)
    return context.params


def test_inputs_are_options(tmp_path: Path) -> None:
    """Each input is the option of its name; an empty one is left out."""
    given = environ(tmp_path, config="a.toml", base="main", budget="quick", on_inconclusive="pass")
    options = parsed(given | environ(tmp_path, profile=""))
    assert options["config"] == Path("a.toml")
    assert (options["base"], options["budget"], options["profile"]) == ("main", "quick", "default")
    assert options["on_inconclusive"] == "pass"
    assert options["output"] == tmp_path / "perfgate-report"


@given(value=st.text(min_size=1).filter(lambda text: "\0" not in text))
def test_a_value_stays_a_value(value: str) -> None:
    """Law: whatever an input holds, it is the value of its option and no other option."""
    options = parsed(environ(Path("/"), base=value, candidate=f"--{value}"))
    assert (options["base"], options["candidate"]) == (value, f"--{value}")


@pytest.mark.parametrize("name", ["working_directory", "output"])
def test_nothing_is_outside_the_checkout(tmp_path: Path, name: str) -> None:
    """A directory that is not in the checkout is refused by the name of its input."""
    with pytest.raises(UsageError, match=rf"{name.replace('_', '-')}: '../away' is outside"):
        Inputs.of(environ(tmp_path, **{name: "../away"}))


def test_a_working_directory_has_to_be_there(tmp_path: Path) -> None:
    """One that is missing is named."""
    with pytest.raises(UsageError, match="is not a directory"):
        Inputs.of(environ(tmp_path, working_directory="gone"))


def test_the_action_passes_every_input_by_the_environment() -> None:
    """Law: no input stands in a script, where it would be run."""
    text = ACTION.read_text()
    names = {*OPTIONS, "working_directory", "output"}
    for name in names:
        assert f"{PREFIX}{name.upper()}: ${{{{ inputs.{name.replace('_', '-')} }}}}" in text
    scripts = re.findall(r"^ +run: (.+)$", text, re.MULTILINE)
    assert len(scripts) == 2
    assert not any("${{" in script for script in scripts)


def test_the_action_imports_nothing_of_the_checkout() -> None:
    """Law: where a step runs, in the checkout, Python looks for no module."""
    started = re.findall(r"python3 (\S+)", ACTION.read_text())
    assert started == ["-P", "-P"]
