"""What the documents say of perfgate is so."""

from __future__ import annotations

import re
import shlex
from contextlib import suppress
from pathlib import Path

import click
import pytest
from cli.command_line import PERFGATE, make_project, run_process
from ruamel.yaml import YAML

from perfgate import __version__
from perfgate.cli.group import cli
from perfgate.cli.options import FORMAT_NAMES
from perfgate.cli.overview import HELP_OPTIONS
from perfgate.config.load import load_config
from perfgate.config.schema import config_schema
from perfgate.demand.ledger import load_ledger
from perfgate.demand.schema import ledger_schema
from perfgate.exitcodes import ExitCode
from perfgate.report.reference import render_reference
from perfgate.verdict.finding import Finding, Outcome, verdict_of

ROOT = Path(__file__).parent.parent
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
REFERENCE = ROOT / "docs" / "configuration.md"
CODES = ROOT / "docs" / "exit-codes-and-messages.md"
IMPORTS = ROOT / "docs" / "demand.md"
TUTORIAL = ROOT / "docs" / "tutorial.md"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))

SEPARATORS = "();<>|&{}"

each_document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)


def blocks(path: Path, language: str) -> list[str]:
    """Return the fenced blocks of a language in a document."""
    return re.findall(rf"^```{language}\n(.*?)^```$", path.read_text(), re.DOTALL | re.MULTILINE)


def commands(text: str) -> list[list[str]]:
    """Return the words of every perfgate command in a text of shell, its comments left out."""
    found: list[list[str]] = []
    for line in text.replace("\\\n", " ").splitlines():
        found.append([])
        words = shlex.shlex(line, posix=True, punctuation_chars=SEPARATORS)
        words.whitespace_split = True  # else 1% were two words
        for word in words:
            if set(word) <= set(SEPARATORS):
                found.append([])
            else:
                found[-1].append(word)
    return [words[1:] for words in found if words[:1] == ["perfgate"]]


def spoken(path: Path) -> list[list[str]]:
    """Return the perfgate commands that stand in running text."""
    text = re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
    quoted = re.findall(r"`(perfgate [^`]+)`", text)
    return [words for line in quoted for words in commands(line)]


def parse(words: list[str]) -> None:
    """Parse a command line as perfgate does, and run nothing; raises click's errors."""
    command: click.Command = cli
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name, *words = words
        found = command.get_command(click.Context(command), name)
        assert found is not None, f"there is no command {name}"
        command = found
    if words or not isinstance(command, click.Group):
        with suppress(click.exceptions.Exit):  # the end of --help
            parent = click.Context(cli, help_option_names=list(HELP_OPTIONS))
            command.make_context(str(command.name), list(words), parent=parent)


def rows(path: Path) -> list[list[str]]:
    """Return the cells of every row of the tables in a document."""
    lines = [line for line in path.read_text().splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@each_document
def test_shell_blocks_can_be_run(path: Path) -> None:
    """Every perfgate command in a block of shell parses, with all its options and arguments."""
    for block in blocks(path, "sh"):
        for words in commands(block):
            parse(words)


@each_document
def test_commands_in_the_text_exist(path: Path) -> None:
    """Every command named in running text exists, with its options; arguments may be left out."""
    for words in spoken(path):
        with suppress(click.MissingParameter):
            parse(words)


@each_document
def test_sessions_that_are_shown_can_be_typed(path: Path) -> None:
    """Every perfgate command behind a prompt, its output below it, parses too."""
    for block in blocks(path, "text"):
        for line in re.findall(r"^ *\$ (perfgate .*)$", block.replace("\\\n", " "), re.MULTILINE):
            for words in commands(line):
                parse(words)


@each_document
def test_programs_that_are_shown_are_python(path: Path) -> None:
    """Every block of Python is a program, or lines of one."""
    for block in blocks(path, "python"):
        compile(block, str(path), "exec")


@each_document
def test_keys_in_the_text_exist(path: Path) -> None:
    """Keys named with their table, as margins.memory or so in [margins], are in the reference."""
    tables = re.split(r"^## `\[+([a-z_.]+)", REFERENCE.read_text(), flags=re.MULTILINE)[1:]
    keys = {
        (name.partition(".")[0], key)
        for name, table in zip(tables[::2], tables[1::2], strict=True)
        for key in re.findall(r"^\| `(\w+)`", table, re.MULTILINE)
    }
    text = path.read_text()
    dotted = re.findall(r"`(margins|target|budget|baseline|load)\.(\w+)(?: = [^`]*)?`", text)
    beside = re.findall(r"`(\w+)(?: = [^`]*)?`(?: \([^)]*\))? (?:in|under)\s`\[(\w+)\]`", text)
    assert {*dotted, *((table, key) for key, table in beside)} <= keys


@pytest.mark.parametrize("line", ["perfgate chek", "perfgate check --ouput x", "x | perfgate -x"])
def test_these_tests_find_what_is_wrong(line: str) -> None:
    """A command that does not exist, or lacks the option, would be found in a document."""
    (words,) = commands(f"{line} # perfgate is not run here")
    with pytest.raises((AssertionError, click.UsageError)):
        parse(words)


def test_every_verb_is_shown_at_work() -> None:
    """Some document has each verb in a block of shell, and the README those of the first hour."""
    shown = {
        path.name: {words[0] for block in blocks(path, "sh") for words in commands(block) if words}
        for path in DOCUMENTS
    }
    assert set(cli.list_commands(click.Context(cli))) <= set.union(*shown.values())
    assert {"demo", "init", "check", "measure", "baseline"} <= shown["README.md"]


def test_every_page_is_in_the_readme() -> None:
    """Whoever reads the README finds every page of docs/ by a link."""
    linked = re.findall(r"\]\(docs/([a-z-]+\.md)\)", (ROOT / "README.md").read_text())
    assert {path.name for path in (ROOT / "docs").glob("*.md")} <= set(linked)


@each_document
def test_toml_blocks_load(path: Path, tmp_path: Path) -> None:
    """Every configuration and every ledger that is shown works as it stands."""
    for number, block in enumerate(blocks(path, "toml")):
        project = make_project(tmp_path / str(number))
        if "perfgate.demand/" in block:
            (project / "demand.toml").write_text(block)
            load_ledger(project / "demand.toml")
            continue
        (project / "perfgate.toml").write_text(block)
        for name in re.findall(r'locustfile = "(.+)"', block):
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            (project / name).touch()
        load_config(None, project)


def test_the_readme_shows_both_files() -> None:
    """The smallest configuration and the smallest ledger are in the README."""
    shown = blocks(ROOT / "README.md", "toml")
    assert len([block for block in shown if "perfgate.demand/1" in block]) == 1
    assert len(shown) >= 2


def test_the_reference_is_the_models() -> None:
    """The reference is what ``perfgate schema --format markdown`` prints now, of both files."""
    parts = [render_reference(schema()) for schema in (config_schema, ledger_schema)]
    assert REFERENCE.read_text() == "\n".join(parts)


def test_exit_codes_are_the_registry() -> None:
    """The table has every exit code with its meaning, in order, and something to do for each."""
    table = [row for row in rows(CODES) if row[0].isdigit()]
    assert [(int(code), meaning) for code, meaning, _ in table] == [
        (int(code), code.meaning) for code in ExitCode
    ]
    assert all(advice for _, _, advice in table)


def test_verdicts_have_the_codes_that_are_told() -> None:
    """The table of verdicts names every outcome with the exit code that it gets."""
    told = {row[0]: int(row[1]) for row in rows(CODES) if row[0] in list(Outcome)}
    assert told == {
        outcome: int(verdict_of([Finding("demand", outcome, "So.")]).exit_code())
        for outcome in Outcome
    }


def test_messages_are_as_they_are_shown(tmp_path: Path) -> None:
    """The faults that are shown as an example are those that perfgate finds."""
    faulty = make_project(tmp_path) / "perfgate.toml"
    text = faulty.read_text().replace("service", "servce") + '[profiles.default]\ndemand_s = "long"'
    faulty.write_text(text)
    (shown,) = blocks(CODES, "text")
    printed = run_process([PERFGATE, "check"], tmp_path).err
    for words in ('is not a known key, found "auth"', 'must be a number, found "long"'):
        assert words in shown
        assert words in printed


def test_the_import_that_is_shown(tmp_path: Path) -> None:
    """The import that is shown prints what stands there, of the README's ledger."""
    (shown,) = (block for block in blocks(IMPORTS, "text") if "demand import" in block)
    (ledger,) = (block for block in blocks(ROOT / "README.md", "toml") if "demand/1" in block)
    command, told = shown.removeprefix("$ ").replace("\\\n", " ").split("\n", 1)
    project = make_project(tmp_path, ledger=ledger)
    line = '::1 - - [24/Nov/2026:09:30:{:02} +0000] "POST {} HTTP/1.1" 200 5 "-" "api-gateway/2"\n'
    paths = ["/introspect"] * 4 + ["/token"]
    sent = [line.format(number % 60, paths[number % 5]) for number in range(3150)]
    (project / "access.log").write_text("".join(sent))
    (words,) = commands(command)
    run = run_process([PERFGATE, *words], project)
    printed = [line.rstrip() for line in f"{run.out}\n{run.err}".splitlines()]
    assert list(filter(None, told.splitlines())) == list(filter(None, printed))


def test_the_tutorial_begins_as_it_is_told(tmp_path: Path) -> None:
    """With the two files of the tutorial, perfgate finds out what is shown there."""
    service, locustfile, _ = blocks(TUTORIAL, "python")
    (tmp_path / "app.py").write_text(service)
    (tmp_path / "locustfile.py").write_text(locustfile)
    run = run_process([PERFGATE, "init", "--no-check"], tmp_path)
    assert run.code == 0
    told, *_ = blocks(TUTORIAL, "text")
    found = told.split("\n\n")[0].splitlines()
    assert found
    assert set(found) <= set(f"{run.out}{run.err}".splitlines())


def test_the_action_is_told_as_it_is() -> None:
    """The page on the action has each input with its default, and each output, in their order."""
    action = YAML(typ="safe", pure=True).load((ROOT / "action.yml").read_text())
    told = [row for row in rows(ROOT / "docs" / "github-action.md") if row[0].startswith("`")]
    inputs = [(row[0].strip("`"), row[1].strip("`")) for row in told if len(row) == 3]
    outputs = [name for row in told if len(row) == 2 for name in re.findall("`(.+?)`", row[0])]
    assert inputs == [(name, own["default"]) for name, own in action["inputs"].items()]
    assert outputs == list(action["outputs"])


def test_metrics_are_told() -> None:
    """The page on reports has every metric that a check can give, and no other."""
    told = [
        row[0].strip("`") for row in rows(ROOT / "docs" / "reports.md") if "perfgate_" in row[0]
    ]
    golden = (ROOT / "tests" / "report" / "goldens" / "fail.prom").read_text()
    assert sorted(told) == sorted(re.findall("# TYPE (\\S+)", golden))


def test_formats_are_named() -> None:
    """The README names every report format."""
    readme = (ROOT / "README.md").read_text()
    assert all(f"`{name}`" in readme for name in FORMAT_NAMES)


@each_document
def test_links_lead_somewhere(path: Path) -> None:
    """Every link to a file of ours leads to one."""
    for link in re.findall(r"\]\(([^)#]+)", path.read_text()):
        assert link.startswith("https://") or (path.parent / link).exists(), link


@each_document
def test_make_targets_exist(path: Path) -> None:
    """Every ``make`` command in a document is a target of the Makefile."""
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    named = re.findall(r"`make ([a-z-]+)`|^make ([a-z-]+)", path.read_text(), re.MULTILINE)
    assert {target for pair in named for target in pair if target} <= set(targets)


def test_the_version_is_in_the_changelog() -> None:
    """The changelog has the package's version."""
    assert f" {__version__}" in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_trust_nobody(path: Path) -> None:
    """Each may only read, runs actions at a commit, and keeps no credentials for later steps."""
    text = path.read_text()
    used = re.findall(r"uses: (\S+)", text)
    assert used
    known = re.compile(r"actions/[a-z-]+@[0-9a-f]{40}|\./")
    assert all(known.fullmatch(action) for action in used)
    assert re.search(r"^permissions:\n  contents: read\n\n", text, re.MULTILINE)
    assert "persist-credentials: false" in text
    assert "timeout-minutes:" in text
    assert "pull_request_target" not in text


def test_workflows_run_what_can_be_run_here() -> None:
    """What they run is the project's own gate, and targets of the Makefile with its variables."""
    text = "".join(path.read_text() for path in WORKFLOWS)
    makefile = (ROOT / "Makefile").read_text()
    assert "run: .ci/run\n" in text
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
    for target, *variables in (line.split() for line in re.findall(r"run: make (.+)", text)):
        assert f"\n{target}:" in makefile
        assert all(f"\n{word.partition('=')[0]} ?=" in makefile for word in variables)


def test_a_workflow_runs_every_night() -> None:
    """The error rates are looked at every night, and what `make test` leaves out is run."""
    (nightly,) = [path.read_text() for path in WORKFLOWS if path.name == "nightly.yml"]
    assert "schedule:\n    - cron:" in nightly
    assert {"calibration", "nightly"} <= set(re.findall(r"run: make (\S+)", nightly))
