"""A configuration is found, read, and held against what its words refer to."""

from __future__ import annotations

from pathlib import Path

import pytest

from perfgate.config.load import SMALLEST, load_config
from perfgate.config.models import START_PLACEHOLDERS
from perfgate.errors import FileFaultsError, UsageError
from perfgate.faults import Fault


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a repository's root with a Locust file and nothing else."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "locustfiles").mkdir()
    (tmp_path / "locustfiles" / "auth.py").write_text("", encoding="utf-8")
    return tmp_path


def write(project: Path, text: str = SMALLEST, name: str = "perfgate.toml") -> Path:
    """Write a configuration and return its path."""
    path = project / name
    path.write_text(text, encoding="utf-8")
    return path


def faults_of_text(project: Path, text: str) -> list[Fault]:
    """Return the faults of a configuration written as ``text``."""
    with pytest.raises(FileFaultsError) as caught:
        load_config(write(project, text), project)
    return list(caught.value.faults)


def changed(old: str, new: str) -> str:
    """Return the smallest configuration with a part of it replaced."""
    assert old in SMALLEST
    return SMALLEST.replace(old, new)


def test_the_file_that_the_hint_shows_works(project: Path) -> None:
    """Whoever pastes the smallest file from the hint has a working configuration."""
    loaded = load_config(write(project), project)
    assert loaded.config.service == "auth"
    assert loaded.root == project
    assert (loaded.root / loaded.config.load.locustfile).is_file()


def test_the_nearest_file_above_is_found(project: Path) -> None:
    """From a directory deep inside, the file of the repository's root is found."""
    path = write(project)
    deep = project / "a" / "b"
    deep.mkdir(parents=True)
    loaded = load_config(None, deep)
    assert (loaded.path, loaded.root) == (path, project)


def test_pyproject_serves_when_it_has_the_table(project: Path) -> None:
    """[tool.perfgate] is read from pyproject.toml, and its faults are told with its lines."""
    prefixed = SMALLEST.replace("[", "[tool.perfgate.")
    path = write(project, f"[tool.perfgate]\n{prefixed}", "pyproject.toml")
    assert load_config(None, project).path == path
    write(project, f"[tool.perfgate]\nsrvice = 1\n{prefixed}", "pyproject.toml")
    with pytest.raises(FileFaultsError) as caught:
        load_config(None, project)
    [fault] = caught.value.faults
    assert (fault.line, fault.where) == (2, "tool.perfgate.srvice")


def test_perfgate_toml_comes_before_pyproject(project: Path) -> None:
    """Where both could serve, the file made for perfgate does."""
    write(project, '[tool.perfgate]\nservice = "other"\n', "pyproject.toml")
    path = write(project)
    assert load_config(None, project).path == path


def test_a_pyproject_without_the_table_is_passed_over(project: Path) -> None:
    """A package inside the repository does not hide the repository's configuration."""
    path = write(project)
    package = project / "package"
    package.mkdir()
    write(package, "[tool.other]\nx = 1\n", "pyproject.toml")
    assert load_config(None, package).path == path


@pytest.mark.parametrize("kind", ["directory", "file"])
def test_the_search_ends_at_the_repository(project: Path, kind: str) -> None:
    """Another repository's file is not taken, in a clone and in a worktree alike."""
    write(project)
    inner = project / "inner"
    inner.mkdir()
    if kind == "directory":
        (inner / ".git").mkdir()
    else:
        (inner / ".git").write_text("gitdir: elsewhere\n", encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        load_config(None, inner)
    assert SMALLEST in caught.value.hint


def test_a_named_file_is_read_wherever_it_is(project: Path) -> None:
    """A path given by the user wins over the search, and is the root of relative paths."""
    write(project, "nonsense = 1\n")
    other = project / "other"
    other.mkdir()
    (other / "locustfiles").mkdir()
    (other / "locustfiles" / "auth.py").write_text("", encoding="utf-8")
    assert load_config(write(other, name="quick.toml"), project).root == other


def test_the_root_is_absolute(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path is made whole, so that later stages may run from elsewhere."""
    write(project)
    monkeypatch.chdir(project)
    assert load_config(Path("perfgate.toml"), Path()).root == project


def test_a_named_pyproject_needs_the_table(project: Path) -> None:
    """A pyproject.toml named by the user is not silently replaced by another file."""
    write(project)
    path = write(project, "[tool.other]\n", "pyproject.toml")
    with pytest.raises(UsageError, match=r"\[tool.perfgate\]") as caught:
        load_config(path, project)
    table = caught.value.hint.partition("\n\n")[2]
    write(project, table, "pyproject.toml")
    assert load_config(path, project).config.service == "auth"


def test_a_table_that_is_no_table_is_a_fault(project: Path) -> None:
    """tool.perfgate may not be a mere value."""
    path = write(project, "[tool]\n\nperfgate = 3\n", "pyproject.toml")
    with pytest.raises(FileFaultsError) as caught:
        load_config(path, project)
    assert caught.value.faults == (Fault(3, "tool.perfgate", "must be a table", "3"),)


def test_five_faults_are_five(project: Path) -> None:
    """Faults of the model and of what it refers to come together, each complete."""
    faults = faults_of_text(
        project,
        """\
service = "auth"
[target]
start = "{pyhton} -m auth --port {port}"
redy = "/up"

[load]
locustfile = "locustfiles/auht.py"

[profiles.default]
arrivals = "poison"
pairs = 46
""",
    )
    assert faults == [
        Fault(
            3,
            "target.start",
            "{pyhton} is not a known placeholder",
            '"{pyhton} -m auth --port {port}"',
            'did you mean "python"?',
        ),
        Fault(4, "target.redy", "is not a known key", '"/up"', 'did you mean "ready"?'),
        Fault(
            7,
            "load.locustfile",
            "there is no such file",
            '"locustfiles/auht.py"',
            'did you mean "auth.py"?',
        ),
        Fault(
            10,
            "profiles.default.arrivals",
            'must be one of "poisson", "uniform", "replayed"',
            '"poison"',
            'did you mean "poisson"?',
        ),
        Fault(11, "profiles.default.pairs", "must be a multiple of 4", "46"),
    ]


def test_the_service_must_listen_where_told(project: Path) -> None:
    """Without {port} two builds could not be alive together."""
    [fault] = faults_of_text(project, changed(" --port {port}", ""))
    assert (fault.line, fault.where) == (4, "target.start")
    assert fault.problem == "does not contain {port}"
    assert "--port {port}" in fault.hint


def test_an_open_quote_is_a_fault(project: Path) -> None:
    """A command that cannot be split into words is told before anything is started."""
    [fault] = faults_of_text(project, changed("-m auth", "-m 'auth"))
    assert fault.problem == "cannot be split into words: no closing quotation"


def test_ready_knows_only_the_port(project: Path) -> None:
    """A placeholder that start knows is not thereby known elsewhere."""
    ready = '[target]\nready = "/{port}/{python}"'
    [fault] = faults_of_text(project, changed("[target]", ready))
    assert (fault.line, fault.where) == (4, "target.ready")
    assert fault.hint == "known here: port"


@pytest.mark.parametrize("name", ["Port", "data", "x1", "_", "HOME", "python3", "datadir"])
def test_every_unknown_placeholder_is_found(project: Path, name: str) -> None:
    """A word in braces that is not exactly a known placeholder is a fault."""
    assert name not in START_PLACEHOLDERS
    [fault] = faults_of_text(project, changed("-m auth", f"-m auth {{{name}}} {{{name}}}"))
    assert fault.problem == f"{{{name}}} is not a known placeholder"
    assert fault.hint.startswith(("did you mean", "known here: port, host, python, data_dir"))


@pytest.mark.parametrize(
    "command", ["auth '{\\\"a\\\": 1}' {port}", "auth ${x:-1} {port}", "a {} {port}"]
)
def test_other_braces_are_left_alone(project: Path, command: str) -> None:
    """JSON and the like in a command are not mistaken for placeholders."""
    text = changed("{python} -m auth --port {port}", command)
    assert load_config(write(project, text), project)


@pytest.mark.parametrize(
    ("name", "problem", "hint"),
    [
        ("json.py", "would hide Python's own module json from Locust", "json_load.py"),
        ("a,b.py", "contains a comma", "rename"),
        ("auth.txt", "does not end in .py", "rename"),
        ("auth_dir", "is not a file", "relative paths start from"),
    ],
)
def test_a_locustfile_that_locust_would_misread_is_refused(
    project: Path, name: str, problem: str, hint: str
) -> None:
    """Names that Locust or Python would take for something else are told before the load."""
    if name.endswith("_dir"):
        (project / name).mkdir()
    else:
        (project / name).write_text("", encoding="utf-8")
    [fault] = faults_of_text(project, changed("locustfiles/auth.py", name))
    assert (fault.line, fault.where, fault.problem) == (7, "load.locustfile", problem)
    assert hint in fault.hint


def test_the_default_profile_cannot_be_lost(project: Path) -> None:
    """Whoever writes profiles writes the default one too; a misspelt one is named."""
    [fault] = faults_of_text(project, f"{SMALLEST}\n[profiles.defualt]\n")
    assert (fault.line, fault.where) == (9, "profiles")
    assert fault.hint == 'did you mean "default" where "defualt" stands?'
    [fault] = faults_of_text(project, f"{SMALLEST}\n[profiles.quick]\n")
    assert fault.hint == "add [profiles.default]; it may be empty"


@pytest.mark.parametrize("kind", ['arrivals = "poisson"\n', 'arrivals = "uniform"\n', ""])
def test_a_log_and_its_replay_go_together(project: Path, kind: str) -> None:
    """What is replayed needs a log, and a log that nobody replays is a mistake."""
    text = f'{SMALLEST}\n[profiles.default]\narrivals = "replayed"\n'
    [fault] = faults_of_text(project, text)
    assert (fault.line, fault.where) == (9, "profiles.default.recorded")
    assert fault.problem == 'is missing, but arrivals = "replayed"'
    [fault] = faults_of_text(
        project, f'{SMALLEST}\n[profiles.default]\nrecorded = "access.log"\n{kind}'
    )
    assert (fault.line, fault.where) == (10, "profiles.default.recorded")
    assert fault.problem == 'is only used with arrivals = "replayed"'
    assert load_config(write(project, f'{text}recorded = "access.log"\n'), project)


def test_a_path_that_is_missing_is_a_fault_of_usage(project: Path) -> None:
    """A mistyped path names the file that was probably meant."""
    write(project)
    with pytest.raises(UsageError) as caught:
        load_config(project / "perfgte.toml", project)
    assert caught.value.hint == 'did you mean "perfgate.toml"?'


@pytest.mark.parametrize("section", ["target = 1", "target = []", "load = 'x'", "profiles = 3"])
def test_checks_of_meaning_survive_wrong_types(project: Path, section: str) -> None:
    """A table that is no table is the model's fault to tell, once, and breaks no other check."""
    faults = faults_of_text(project, f"{section}\n")
    name = section.partition(" ")[0]
    assert [fault.problem for fault in faults if fault.where == name] == ["must be a table"]


@pytest.mark.parametrize("key", ["workers", "expect_workers"])
@pytest.mark.parametrize(("batch", "most"), [(8, 6), (16, 3)])
def test_every_process_has_users_for_a_batch(
    project: Path, key: str, batch: int, most: int
) -> None:
    """The 48 users suffice for so many processes that a batch of a pair finds its own in each."""
    profile = f"\n[profiles.default]\nbatch_concurrency = {batch}\n"
    assert load_config(write(project, f"{SMALLEST}{key} = {most}\n{profile}"), project)
    [fault] = faults_of_text(project, f"{SMALLEST}{key} = {most + 1}\n{profile}")
    assert (fault.line, fault.where) == (8, f"load.{key}")
    assert fault.problem == f"leaves fewer than {batch} of the 48 users to each process"
    assert f"at most {most}, or more identities" in fault.hint


def test_workers_run_here_or_elsewhere(project: Path) -> None:
    """Processes of this machine and of others are two answers to one question."""
    [fault] = faults_of_text(project, f"{SMALLEST}workers = 2\nexpect_workers = 2\n")
    assert (fault.where, fault.problem) == ("load.workers", "stands beside expect_workers")


@pytest.mark.parametrize(("section", "key"), [("target", "host"), ("load", "bind")])
def test_an_address_is_four_numbers(project: Path, section: str, key: str) -> None:
    """A name is no address: it may have several."""
    text = changed(f"[{section}]", f'[{section}]\n{key} = "localhost"')
    [fault] = faults_of_text(project, text)
    assert (fault.where, fault.problem) == (
        f"{section}.{key}",
        "must be an IPv4 address like 127.0.0.1",
    )
