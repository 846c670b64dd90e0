"""The laws of the scrubbed environment."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.errors import UsageError
from perfgate.scrub import ALLOWED_NAMES, REFUSED_PREFIXES, scrubbed

NAMES = st.text(st.characters(codec="ascii", exclude_characters="=\0"), min_size=1, max_size=20)
VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
ENVIRONS = st.dictionaries(
    st.one_of(NAMES, st.sampled_from(sorted(ALLOWED_NAMES)), st.just("LC_TIME")), VALUES
)


@given(ENVIRONS)
def test_only_allowed_names_come_through(environ: dict[str, str]) -> None:
    """What nobody asked for comes through only when its name is allowed, and then unchanged."""
    kept = scrubbed(environ)
    assert kept.items() <= environ.items()
    assert all(name in ALLOWED_NAMES or name.startswith("LC_") for name in kept)


@given(ENVIRONS, st.sampled_from(REFUSED_PREFIXES), NAMES)
def test_channels_to_the_job_never_come_through(
    environ: dict[str, str], prefix: str, rest: str
) -> None:
    """No variable of the surrounding job reaches a build, whatever else is set."""
    assert prefix + rest not in scrubbed({**environ, prefix + rest: "/outcome"})


@given(ENVIRONS, st.dictionaries(NAMES, VALUES))
def test_extra_wins_and_arrives_whole(environ: dict[str, str], extra: dict[str, str]) -> None:
    """Everything in `extra` is in the outcome, over what the environment says."""
    assert extra.items() <= scrubbed(environ, extra=extra).items()


@given(ENVIRONS)
def test_scrubbing_twice_changes_nothing(environ: dict[str, str]) -> None:
    """A scrubbed environment is its own scrubbed environment, and the input is left alone."""
    before = dict(environ)
    once = scrubbed(environ)
    assert scrubbed(once) == once
    assert environ == before


def test_passed_names_come_through_when_set() -> None:
    """A name in `pass_env` comes through with its value; one that is not set stays unset."""
    environ = {"CARGO_HOME": "/cargo", "AWS_SECRET_ACCESS_KEY": "x"}
    assert scrubbed(environ, pass_env=("CARGO_HOME", "GOPATH")) == {"CARGO_HOME": "/cargo"}


@pytest.mark.parametrize(
    "name", ["GITHUB_OUTPUT", "GITHUB_TOKEN", "ACTIONS_CACHE_URL", "INPUT_X", "RUNNER_TEMP"]
)
def test_passing_a_channel_is_refused(name: str) -> None:
    """A configuration cannot ask for the job's own variables, for the candidate may write it."""
    with pytest.raises(UsageError, match=name) as caught:
        scrubbed({}, pass_env=(name,))
    assert "name of its own" in caught.value.hint


@pytest.mark.parametrize(("name", "value"), [("", "x"), ("A=B", "x"), ("A\0", "x"), ("A", "x\0y")])
def test_variables_no_process_can_have_are_refused(name: str, value: str) -> None:
    """A name or value that the kernel cannot hand over is a fault of the configuration."""
    with pytest.raises(UsageError, match="cannot be a variable"):
        scrubbed({}, extra={name: value})


def test_home_and_secrets_stay_behind() -> None:
    """HOME, proxies with passwords in them, Locust's and Python's own settings are dropped."""
    environ = dict.fromkeys(
        ("HOME", "HTTPS_PROXY", "LOCUST_USERS", "PYTHONPATH", "PIP_INDEX_URL", "SSH_AUTH_SOCK"), "x"
    )
    assert scrubbed(environ) == {}


def test_a_program_starts_with_what_is_left() -> None:
    """The scrubbed environment of this very process is enough to run Python."""
    command = [sys.executable, "-c", "import os; print(sorted(os.environ))"]
    shown = subprocess.run(
        command, env=scrubbed(os.environ), check=True, capture_output=True, text=True
    ).stdout
    assert "PATH" in shown
