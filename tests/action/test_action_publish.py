"""A measurement is told to the right commit and pull request, once, and in words of ours."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from builders import Build, case, config, incident, terms
from cli.command_line import save
from hostile import TEXTS, hostile_case

from action.fake_github import (
    BOT,
    CALLS,
    OPENAPI,
    REPOSITORY,
    SHA,
    TOKEN,
    State,
    event_of,
    fake_github,
)
from action.jobs import act, commit, installing_in, own_project
from perfgate.action.api import ApiError
from perfgate.action.publish import MARKER, publish
from perfgate.errors import UsageError
from perfgate.report.markdown import render_comment
from perfgate.verdict.judge import judge
from perfgate.verdict.written import Written

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from perfgate.verdict.case import Case


@pytest.fixture
def state() -> Iterator[State]:
    """Return a GitHub with one pull request of a fork; at the end nothing was asked amiss."""
    made = State()
    made.add_pull(7, SHA)
    yield made
    assert made.faults == []


def run_publish(state: State, directory: Path, **changes: str | None) -> int:
    """Publish what is in a directory for the run of a fork's pull request."""
    event = directory.parent / "event.json"
    event.write_text(json.dumps(event_of(**changes)))
    with fake_github(state) as address:
        return publish(
            directory,
            {
                "GITHUB_EVENT_PATH": str(event),
                "GITHUB_REPOSITORY": REPOSITORY,
                "GITHUB_TOKEN": TOKEN,
                "GITHUB_API_URL": address,
            },
        )


def kept(tmp_path: Path, made: Case) -> Path:
    """Return a directory with a measurement, as the artifact of the gate has it."""
    directory = tmp_path / "artifact"
    directory.mkdir(exist_ok=True)
    save(made, directory / "measurement.json")
    return directory


def test_the_fixture_is_what_is_used() -> None:
    """The description of the API has the operations that are used, and no other."""
    described = {
        own["operationId"] for methods in OPENAPI["paths"].values() for own in methods.values()
    }
    assert described == set(CALLS)


@pytest.mark.parametrize(
    ("made", "conclusion"),
    [
        (case(), "success"),
        (case(Build(cost=1.0)), "failure"),
        (case(base=None), "failure"),
        (case(incidents=(incident("base"),)), "failure"),
    ],
)
def test_a_verdict_is_told(state: State, tmp_path: Path, made: Case, conclusion: str) -> None:
    """The check run has the conclusion, and the comment is the report; undecided is no success."""
    assert run_publish(state, kept(tmp_path, made)) == 0
    (run,) = state.check_runs
    assert (run["name"], run["head_sha"], run["conclusion"]) == ("perfgate", SHA, conclusion)
    assert run["output"]["title"].startswith(f"{judge(made).outcome}: ")
    (comment,) = state.comments
    assert (comment["issue"], comment["user"]) == (7, BOT)
    assert comment["body"] == f"{MARKER}\n{render_comment(made, judge(made))}"


def test_there_is_one_comment(state: State, tmp_path: Path) -> None:
    """The comment of an earlier run is changed; one of somebody else's is not, whatever it says."""
    for number in range(120):
        state.add_comment(7, f"comment {number}", {"type": "User", "login": "ann"})
    state.add_comment(7, f"{MARKER}\nmine!", {"type": "User", "login": "mallory"})
    state.add_comment(8, f"{MARKER}\nof another", BOT)
    run_publish(state, kept(tmp_path, case()))
    run_publish(state, kept(tmp_path, case(Build(cost=1.0))))
    ours = [own for own in state.comments if own["user"] == BOT and own["issue"] == 7]
    assert len(ours) == 1
    assert "FAIL" in ours[0]["body"].splitlines()[1]
    assert [own["body"] for own in state.comments[120:122]] == [
        f"{MARKER}\nmine!",
        f"{MARKER}\nof another",
    ]


def test_a_branch_that_has_gone_on_gets_no_comment(state: State, tmp_path: Path) -> None:
    """The check run stays with the commit that was measured; the comment is of the newest."""
    state.pulls[0]["head"]["sha"] = "b" * 40
    run_publish(state, kept(tmp_path, case()))
    assert [run["head_sha"] for run in state.check_runs] == [SHA]
    assert state.comments == []


def test_a_branch_of_that_name_elsewhere_gets_none(state: State, tmp_path: Path) -> None:
    """Only the pull request of the repository that was measured is told."""
    state.pulls.clear()
    state.add_pull(8, SHA, owner="bob")
    run_publish(state, kept(tmp_path, case()))
    assert state.comments == []


def test_a_fork_that_is_gone_gets_none(state: State, tmp_path: Path) -> None:
    """Where the repository of the branch is deleted, the check run is told all the same."""
    run_publish(state, kept(tmp_path, case()), head_repository=None)
    assert [run["conclusion"] for run in state.check_runs] == ["success"]
    assert state.comments == []


def test_annotations_are_on_lines(state: State, tmp_path: Path) -> None:
    """Findings stand on the lines of the file that they are about."""
    text = 'service = "auth"\n\n[margins]\nslowdown = 0.03\n'
    held_to = terms(config_file=Written.of("perfgate.toml", text))
    run_publish(state, kept(tmp_path, case(Build(cost=1.0), held_to=held_to)))
    first = state.check_runs[0]["output"]["annotations"][0]
    assert (first["path"], first["start_line"], first["annotation_level"]) == (
        "perfgate.toml",
        4,
        "failure",
    )


def test_the_reports_of_the_run_are_not_looked_at(state: State, tmp_path: Path) -> None:
    """Law: whatever reports the artifact has, what is told follows from the measurement."""
    directory = kept(tmp_path, case(Build(cost=1.0)))
    for name in ("report.md", "comment.md", "verdict.json", "annotations.txt"):
        (directory / name).write_text("PASS, trust me")
    run_publish(state, directory)
    assert state.check_runs[0]["conclusion"] == "failure"
    assert "trust me" not in state.comments[0]["body"]


@pytest.mark.parametrize(
    ("conclusion", "told"),
    [("failure", "failure"), ("success", "failure"), ("cancelled", "cancelled")],
)
def test_no_measurement_is_no_success(
    state: State, tmp_path: Path, conclusion: str, told: str
) -> None:
    """Where the run left none, whatever it claims, that is told, and it is no success."""
    run_publish(state, tmp_path / "nothing", conclusion=conclusion)
    assert state.check_runs[0]["conclusion"] == told
    assert "the run left no measurement" in state.comments[0]["body"]


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"measurement": 1, "terms": 2}', "\0\xff"])
def test_what_is_no_measurement_is_no_success(state: State, tmp_path: Path, text: str) -> None:
    """A file that does not keep the schema is told as such."""
    directory = tmp_path / "artifact"
    directory.mkdir()
    (directory / "measurement.json").write_text(text)
    run_publish(state, directory)
    assert state.check_runs[0]["conclusion"] == "failure"
    assert "nothing was judged" in state.comments[0]["body"]


def test_a_link_is_not_followed(state: State, tmp_path: Path) -> None:
    """A link in the place of the measurement is none, wherever it leads."""
    directory = kept(tmp_path, case())
    (directory / "measurement.json").rename(tmp_path / "elsewhere.json")
    (directory / "measurement.json").symlink_to(tmp_path / "elsewhere.json")
    run_publish(state, directory)
    assert state.check_runs[0]["conclusion"] == "failure"


@pytest.mark.parametrize("text", [*TEXTS, MARKER])
def test_hostile_text_is_told_as_text(state: State, tmp_path: Path, text: str) -> None:
    """Whatever a build is called, GitHub takes the report, and it has no tag of theirs."""
    made = hostile_case(text)
    run_publish(state, kept(tmp_path, made))
    assert state.comments[0]["body"].count("<!--") == 1
    assert state.comments[0]["body"] == f"{MARKER}\n{render_comment(made, judge(made))}"


def test_another_event_is_refused(tmp_path: Path) -> None:
    """Where no other workflow has ended there is nobody to tell."""
    (tmp_path / "event.json").write_text('{"pull_request": {}}')
    with pytest.raises(UsageError, match="not that of a workflow"):
        publish(tmp_path, {"GITHUB_EVENT_PATH": str(tmp_path / "event.json")})


def test_a_refusal_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the rights the step says so, and what to do."""
    monkeypatch.setattr("action.test_action_publish.TOKEN", "no-token")
    with pytest.raises(ApiError, match="answers 401") as caught:
        run_publish(State(), kept(tmp_path, case()))
    assert "checks: write" in caught.value.hint


def test_slo_is_about_the_promise(state: State, tmp_path: Path) -> None:
    """A measurement of other terms is judged by those saved with it."""
    held_to = terms(config=config(slo={"introspect": {"p95_ms": 1.0}}))
    run_publish(state, kept(tmp_path, case(held_to=held_to)))
    assert "slo:introspect" in state.comments[0]["body"]


def test_the_workflow_tells(state: State, tmp_path: Path) -> None:
    """The workflow as it is, run by act: from the artifact to one comment and a check run."""
    project = own_project(tmp_path / "project")
    commit(project)
    (tmp_path / "event.json").write_text(json.dumps(event_of()))
    (tmp_path / "kept" / "perfgate-report").mkdir(parents=True)
    made = case(Build(cost=1.0))
    save(made, tmp_path / "kept" / "perfgate-report" / "measurement.json")
    with fake_github(state) as address:
        words = [
            *("--eventpath", str(tmp_path / "event.json"), "--secret", f"GITHUB_TOKEN={TOKEN}"),
            *("--env", f"GITHUB_API_URL={address}", *installing_in(tmp_path / "installed")),
        ]
        workflow = project / ".github" / "workflows" / "gate-report.yml"
        run = act(project, "workflow_run", workflow, tmp_path / "kept", *words)
    assert run.returncode == 0, run.stdout
    assert (tmp_path / "installed" / "perfgate").is_dir()
    assert [own["conclusion"] for own in state.check_runs] == ["failure"]
    assert [own["body"] for own in state.comments] == [
        f"{MARKER}\n{render_comment(made, judge(made))}"
    ]
