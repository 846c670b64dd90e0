"""The laws of the one door to git, on real repositories."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from real_repository import Checkout, make_repository, shallow_clone

from perfgate.build.gitio import begin_repository, open_repository
from perfgate.errors import NoRepositoryError, RefError, TargetError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

ABSENT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """Return a repository with one commit, in a directory with a space and an umlaut."""
    made = make_repository(tmp_path / "auth d\u00fcnst $HOME")
    made.commit("First", README="hello\n")
    return made


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """Return a repository that the examples of a property may share."""
    made = make_repository(tmp_path_factory.mktemp("lasting"))
    made.commit("First", README="hello\n")
    return made


# Opening


def test_a_repository_is_found_from_anywhere_in_it(checkout: Checkout) -> None:
    """A directory or a file deep inside opens the repository around it."""
    file = checkout.write("services/auth/app.py")
    for path in (checkout.path, file.parent, file):
        with open_repository(path) as repository:
            assert repository.top == checkout.path
            assert repository.common_directory == checkout.path / ".git"


def test_worktrees_share_their_common_directory(checkout: Checkout, tmp_path: Path) -> None:
    """A linked worktree has a top of its own and the main one's common directory."""
    linked = tmp_path / "linked"
    checkout.git("worktree", "add", "--quiet", "--detach", str(linked))
    with open_repository(linked) as repository:
        assert repository.top == linked
        assert repository.common_directory == checkout.path / ".git"


def test_a_damaged_repository_is_not_taken_for_none(checkout: Checkout) -> None:
    """Where there is a repository that cannot be read, that is told, and where it is."""
    (checkout.path / ".git" / "HEAD").unlink()
    with pytest.raises(UsageError, match="no repository that git can read") as caught:
        open_repository(checkout.path / "services").__enter__()
    assert not isinstance(caught.value, NoRepositoryError)
    assert str(checkout.path / ".git") in caught.value.message
    assert "git status" in caught.value.hint


@pytest.mark.parametrize("name", ["plain", "absent"])
def test_no_repository_is_a_usage_error(tmp_path: Path, name: str) -> None:
    """Outside of every repository the message says where, and the hint what to do."""
    (tmp_path / "plain").mkdir()
    with (
        pytest.raises(NoRepositoryError, match=f"{name} is not in a git repository") as caught,
        open_repository(tmp_path / name),
    ):
        pass
    assert "clone" in caught.value.hint


def test_a_bare_repository_is_refused(tmp_path: Path) -> None:
    """A repository without a working tree cannot hold a project."""
    make_repository(tmp_path).git("init", "--quiet", "--bare", "bare.git")
    with (
        pytest.raises(UsageError, match="bare repository"),
        open_repository(tmp_path / "bare.git"),
    ):
        pass


def test_a_working_tree_elsewhere_is_refused(checkout: Checkout, tmp_path: Path) -> None:
    """Where git and we disagree on which files are meant, nothing is done to either."""
    (tmp_path / "elsewhere").mkdir()
    checkout.git("config", "core.worktree", str(tmp_path / "elsewhere"))
    with (
        pytest.raises(UsageError, match=r"lies at .*elsewhere") as caught,
        open_repository(checkout.path),
    ):
        pass
    assert "core.worktree" in caught.value.hint


def test_dubious_ownership_has_the_remedy(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where git distrusts the owner, the hint is the command that makes it trust."""
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with (
        pytest.raises(UsageError, match="belongs to another user") as caught,
        open_repository(checkout.path),
    ):
        pass
    assert f"--add safe.directory '{checkout.path}'" in caught.value.hint


def test_a_git_gone_since_is_a_usage_error(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A git that is no longer found is told like one that never was."""
    with open_repository(checkout.path):
        pass
    monkeypatch.setenv("PATH", str(tmp_path))
    with (
        pytest.raises(UsageError, match="git cannot be run") as caught,
        open_repository(checkout.path),
    ):
        pass
    assert "PATH" in caught.value.hint


def test_no_git_at_all_is_a_usage_error(checkout: Checkout, tmp_path: Path) -> None:
    """Without a git binary the library cannot even be loaded; the user is told about git."""
    program = (
        "import pathlib, sys\n"
        "from perfgate.build.gitio import open_repository\n"
        "from perfgate.errors import UsageError\n"
        "try:\n"
        "    open_repository(pathlib.Path(sys.argv[1])).__enter__()\n"
        "except UsageError as error:\n"
        "    sys.exit(error.message)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, str(checkout.path)],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stderr.strip() == "git cannot be run"


def test_the_room_loads_without_git() -> None:
    """Importing this room loads neither GitPython nor anything as slow."""
    program = (
        "import perfgate.build.provide, sys; "
        "sys.exit(bool({'git', 'numpy', 'pandas', 'pydantic'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_nothing_of_git_keeps_running(checkout: Checkout) -> None:
    """Closing the repository ends the processes that read objects from it."""
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    with open_repository(checkout.path) as repository:
        assert repository.read_file("HEAD", "README") == b"hello\n"
    after = {child.pid for child in psutil.Process().children(recursive=True)}
    assert after <= before


def test_a_hook_does_not_lead_elsewhere(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What git exports to its hooks neither redirects us nor is lost to others."""
    other = make_repository(tmp_path / "other")
    other.commit("Other", README="other\n")
    pointers = {
        "GIT_DIR": str(other.path / ".git"),
        "GIT_WORK_TREE": str(other.path),
        "GIT_INDEX_FILE": str(other.path / ".git" / "index"),
    }
    expected = checkout.git("rev-parse", "HEAD")
    for name, value in pointers.items():
        monkeypatch.setenv(name, value)
    with open_repository(checkout.path) as repository:
        assert repository.top == checkout.path
        assert repository.resolve("HEAD") == expected
        assert repository.read_file("HEAD", "README") == b"hello\n"
        assert not repository.is_dirty()
    assert {name: os.environ.get(name) for name in pointers} == pointers


def test_relative_is_seen_from_the_top(checkout: Checkout, tmp_path: Path) -> None:
    """A path in the repository is told from its top; one outside is refused."""
    with open_repository(checkout.path) as repository:
        assert repository.relative(checkout.path) == "."
        assert repository.relative(checkout.path / "services" / "auth") == "services/auth"
        with pytest.raises(UsageError, match="outside the repository"):
            repository.relative(tmp_path)


# Refs


def test_every_name_of_a_commit_resolves_to_it(checkout: Checkout) -> None:
    """Branch, tags, short and full hash, and what counts from them name one commit."""
    sha = checkout.git("rev-parse", "HEAD")
    checkout.git("tag", "light")
    checkout.git("tag", "--annotate", "--message=Release", "v1.0")
    checkout.commit("Second")
    with open_repository(checkout.path) as repository:
        for ref in ("light", "v1.0", sha, sha[:8], "HEAD~1", "main^", "refs/tags/v1.0"):
            assert repository.resolve(ref) == sha


def test_a_detached_head_resolves(checkout: Checkout) -> None:
    """HEAD is a commit like any other when it is on no branch."""
    sha = checkout.git("rev-parse", "HEAD")
    checkout.git("checkout", "--quiet", "--detach")
    with open_repository(checkout.path) as repository:
        assert repository.head() == repository.resolve("HEAD") == sha


def test_no_commit_yet_is_no_head(tmp_path: Path) -> None:
    """A repository without any commit has no head, and that is not an error."""
    with open_repository(make_repository(tmp_path).path) as repository:
        assert repository.head() is None


@pytest.mark.parametrize(
    "ref", ["", "-h", "--help", "--output=forged", "-", "a\0b", "main\n", "\x1b[31m"]
)
def test_text_that_cannot_be_a_ref_never_reaches_git(checkout: Checkout, ref: str) -> None:
    """What looks like an option or holds control characters is refused, and shown escaped."""
    with open_repository(checkout.path) as repository, pytest.raises(RefError) as caught:
        repository.resolve(ref)
    assert caught.value.message == f"{ref!r} is not a git ref"
    assert not (checkout.path / "forged").exists()


def test_a_branch_named_like_an_option_needs_its_full_name(checkout: Checkout) -> None:
    """Even where such a branch exists, only the name that is no option resolves."""
    checkout.git("update-ref", "refs/heads/--all", "HEAD")
    with open_repository(checkout.path) as repository:
        assert repository.resolve("refs/heads/--all") == repository.head()
        with pytest.raises(RefError):
            repository.resolve("--all")


@pytest.mark.parametrize("ref", ["main..main", "HEAD:README", "HEAD^{tree}", "main main", "^main"])
def test_what_is_not_one_commit_is_refused(checkout: Checkout, ref: str) -> None:
    """Ranges, files, trees and exclusions are no commits."""
    with open_repository(checkout.path) as repository, pytest.raises(RefError, match="no commit"):
        repository.resolve(ref)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.text(max_size=12))
def test_any_text_is_a_commit_or_a_ref_error(lasting: Checkout, text: str) -> None:
    """Whatever the user types, the answer is the hash of a commit or a RefError."""
    complaint = None
    with open_repository(lasting.path) as repository:
        try:
            assert repository.resolve(text) == repository.head()
        except RefError as error:
            complaint = error
    assert complaint is None or (complaint.message.isprintable() and complaint.hint)


def test_a_near_match_is_named(checkout: Checkout) -> None:
    """A slip of the finger is answered with the name that was meant."""
    checkout.git("branch", "feature-login")
    with open_repository(checkout.path) as repository, pytest.raises(RefError) as caught:
        repository.resolve("feature-logn")
    assert caught.value.hint == "Is it feature-login?"


def test_a_branch_known_from_the_remote_only_is_named(checkout: Checkout, tmp_path: Path) -> None:
    """A job has no local main; the hint names the remote's."""
    path = tmp_path / "clone"
    checkout.git("branch", "stable")
    checkout.git("clone", "--quiet", str(checkout.path), str(path))
    with open_repository(path) as repository, pytest.raises(RefError) as caught:
        repository.resolve("stable")
    assert caught.value.hint == "Is it origin/stable?"


def test_the_branch_that_others_start_from(checkout: Checkout, tmp_path: Path) -> None:
    """Law: it is the remote's, whatever is checked out; without one it is main, or master."""
    path = tmp_path / "clone"
    first = checkout.git("branch", "--show-current")
    checkout.git("branch", "--move", first, "trunk")
    with open_repository(checkout.path) as repository:
        assert repository.main_branch() is None
    checkout.git("branch", "master")
    checkout.git("clone", "--quiet", str(checkout.path), str(path))
    with open_repository(path) as clone, open_repository(checkout.path) as repository:
        assert (clone.main_branch(), repository.main_branch()) == ("trunk", "master")
    checkout.git("branch", "main")
    with open_repository(checkout.path) as repository:
        assert repository.main_branch() == "main"


def test_a_commit_cut_off_has_its_fetch_command(checkout: Checkout, tmp_path: Path) -> None:
    """In a shallow clone the hint is the exact command, and after it the commit resolves."""
    first = checkout.git("rev-parse", "HEAD")
    checkout.commit("Second")
    clone = shallow_clone(checkout, tmp_path / "shallow clone")
    with open_repository(clone.path) as repository:
        assert repository.is_shallow()
        with pytest.raises(RefError) as caught:
            repository.resolve(first)
        command = f"git fetch --depth=1 origin {first}"
        assert caught.value.hint == f"History is cut off here. Run: {command}"
        clone.git(*command.split()[1:])
        assert repository.resolve(first) == first


def test_a_name_cut_off_has_another_hint(checkout: Checkout, tmp_path: Path) -> None:
    """Only a full hash is put into a command to run; for a name, history is to be completed."""
    checkout.commit("Second")
    clone = shallow_clone(checkout, tmp_path / "shallow")
    with open_repository(clone.path) as repository, pytest.raises(RefError) as caught:
        repository.resolve("HEAD~1")
    assert "--unshallow" in caught.value.hint
    assert "HEAD~1" not in caught.value.hint


def test_an_absent_commit_is_a_ref_error(checkout: Checkout) -> None:
    """A well-formed hash of nothing is refused wherever it is used."""
    with open_repository(checkout.path) as repository:
        assert not repository.is_shallow()
        for ask in (repository.resolve, repository.describe):
            with pytest.raises(RefError, match=ABSENT):
                ask(ABSENT)
        with pytest.raises(RefError, match=ABSENT):
            repository.read_file(ABSENT, "README")


# History


def test_a_tag_is_not_taken_for_the_branch_of_its_name(checkout: Checkout) -> None:
    """Law: whatever else is called like a branch, its commit is that of the branch."""
    checkout.commit("Second", README="changed\n")
    head = checkout.git("rev-parse", "HEAD")
    checkout.git("update-ref", "refs/remotes/origin/far", "HEAD~1")
    with open_repository(checkout.path) as repository:
        assert repository.branch("main") == "main"
        checkout.git("tag", "main", "HEAD~1")
        found = repository.branch("main")
        assert found == "refs/heads/main"
        assert repository.resolve(found) == head
        assert repository.branch("far") == repository.branch("origin/far") == "origin/far"
        assert repository.branch("near") is None


def test_the_merge_base_is_where_branches_part(checkout: Checkout) -> None:
    """The merge base of two branches is the last commit they share; order does not matter."""
    fork = checkout.git("rev-parse", "HEAD")
    checkout.git("checkout", "--quiet", "-b", "topic")
    checkout.commit("On topic")
    checkout.git("checkout", "--quiet", "main")
    checkout.commit("On main")
    with open_repository(checkout.path) as repository:
        assert repository.merge_base("main", "topic") == fork
        assert repository.merge_base("topic", "main") == fork
        assert repository.merge_base("topic", "topic") == repository.resolve("topic")


def test_strangers_have_no_merge_base(checkout: Checkout) -> None:
    """Histories that share nothing have no merge base."""
    checkout.git("checkout", "--quiet", "--orphan", "stranger")
    checkout.commit("Alone")
    with open_repository(checkout.path) as repository:
        assert repository.merge_base("main", "stranger") is None


def test_what_came_in_other_commits(checkout: Checkout) -> None:
    """Law: a branch was taken once each file that it changed has been so, since it was begun."""
    checkout.commit("Begin", a="1", b="1")
    checkout.commit("Go on", a="2")
    checkout.git("checkout", "--quiet", "-b", "topic")
    checkout.commit("Go back, and on", a="1", b="2")
    checkout.git("checkout", "--quiet", "main")
    with open_repository(checkout.path) as repository:
        checkout.commit("Take one of them", b="2")
        assert not repository.has_taken("main", "topic")
        checkout.commit("Take the other", a="1", b="3")
        assert repository.has_taken("main", "topic")
        assert not repository.has_taken("topic", "main")
        checkout.git("checkout", "--quiet", "--orphan", "stranger")
        checkout.commit("Alone")
        assert not repository.has_taken("main", "stranger")


def test_commits_that_touched_a_path(checkout: Checkout) -> None:
    """Exactly those that changed the path come out, newest first, no more than asked for."""
    one = checkout.commit("One", baselines__a="1")
    checkout.commit("Elsewhere", other="1")
    two = checkout.commit("Two", baselines__b="1")
    with open_repository(checkout.path) as repository:
        assert repository.commits_touching("baselines", "HEAD") == (two, one)
        assert repository.commits_touching("baselines/", "HEAD", limit=1) == (two,)
        assert repository.commits_touching("baselines", one) == (one,)
        assert repository.commits_touching("absent", "HEAD") == ()
        assert repository.commits_touching("baselines", "HEAD", limit=0) == ()
        assert len(repository.commits_touching(".", "HEAD")) == 4


def test_a_path_is_no_pattern(checkout: Checkout) -> None:
    """Stars and colons in a path mean themselves."""
    checkout.commit("Plain", a="1")
    with open_repository(checkout.path) as repository:
        assert repository.commits_touching("*", "HEAD") == ()
        assert repository.commits_touching(":(top)a", "HEAD") == ()


def test_a_description_is_short_and_safe(checkout: Checkout) -> None:
    """Hash and first line are told; what a terminal would obey is escaped, what is long cut."""
    sha = checkout.commit("Fix \x1b[31mlogin " + "very " * 40 + "slow\n\nBody")
    with open_repository(checkout.path) as repository:
        shown = repository.describe("HEAD")
    assert shown.startswith(f"{sha[:10]} Fix \\x1b[31mlogin")
    assert "Body" not in shown
    assert len(shown) <= 72


def test_a_commit_without_words_is_its_hash(checkout: Checkout) -> None:
    """An empty message leaves the hash alone."""
    checkout.git("commit", "--quiet", "--allow-empty", "--allow-empty-message", "--message", "")
    with open_repository(checkout.path) as repository:
        assert repository.describe("HEAD") == checkout.git("rev-parse", "HEAD")[:10]


def test_a_line_leads_from_start_to_end(checkout: Checkout) -> None:
    """Law: a line has every commit after its start up to its end, oldest first, told in words."""
    start = checkout.git("rev-parse", "HEAD")
    made = [checkout.commit(f"Change {number}") for number in range(3)]
    with open_repository(checkout.path) as repository:
        line = repository.line(start, "main")
        assert [link.commit for link in line] == made
        assert [link.parents for link in line] == [(start,), (made[0],), (made[1],)]
        assert [link.told for link in line] == [repository.describe(sha) for sha in made]
        assert repository.line("main", start) == repository.line("main", "main") == ()


def test_a_line_goes_past_what_was_merged(checkout: Checkout) -> None:
    """Law: of a merge the line goes on where it was merged into; the merge tells its parents."""
    start = checkout.git("rev-parse", "HEAD")
    checkout.git("checkout", "--quiet", "-b", "side")
    side = checkout.commit("Aside", aside="1")
    checkout.git("checkout", "--quiet", "main")
    straight = checkout.commit("Straight on", straight="1")
    checkout.git("merge", "--quiet", "--no-ff", "--message=Merge", "side")
    with open_repository(checkout.path) as repository:
        line = repository.line(start, "HEAD")
        assert [link.commit for link in line] == [straight, repository.head()]
        assert line[-1].parents == (straight, side)
        # Seen from the branch, only the merge is new.
        assert repository.line(side, "HEAD") == line


@pytest.mark.parametrize("message", ["", "\n\n", "\x1b[31mred", "a\nb", "commit 1\n\ntext"])
def test_no_message_confuses_a_line(checkout: Checkout, message: str) -> None:
    """Law: whatever messages say, or if they say nothing, the commits are the same."""
    start = checkout.git("rev-parse", "HEAD")
    words = ("commit", "--quiet", "--allow-empty", "--allow-empty-message", "--cleanup=verbatim")
    for told in ("First", message, message):
        checkout.git(*words, "--message", told)
    with open_repository(checkout.path) as repository:
        line = repository.line(start, "HEAD")
        assert len(line) == 3
        for link in line:
            assert link.told.isprintable()
            assert link.told.startswith(repository.describe(link.commit))


def test_what_git_cannot_do_is_told(checkout: Checkout) -> None:
    """A damaged repository is no bug of ours: git's own complaint is passed on."""
    (checkout.path / ".git" / "index").write_bytes(b"nothing like an index")
    with open_repository(checkout.path) as repository, pytest.raises(RefError) as caught:
        repository.is_dirty()
    assert "git could not compare the working tree" in caught.value.message
    assert "index file" in caught.value.message


# Files


def test_a_file_is_read_as_committed(checkout: Checkout) -> None:
    """Every byte of the committed file comes out, and no change since."""
    content = b"\0\xff\r\n\n"
    checkout.commit("Bytes", **{"d\u00e9p\u00f4t__a b.bin": content})
    checkout.write("d\u00e9p\u00f4t/a b.bin", b"changed")
    with open_repository(checkout.path) as repository:
        assert repository.read_file("HEAD", "d\u00e9p\u00f4t/a b.bin") == content
        assert repository.read_file("HEAD", "./d\u00e9p\u00f4t//a b.bin") == content


def test_what_is_no_file_is_not_read(checkout: Checkout) -> None:
    """Directories, symbolic links, submodules and nothing at all have no content."""
    (checkout.path / "link").symlink_to("/etc/passwd")
    checkout.commit("Kinds", directory__file="1")
    sha = checkout.git("rev-parse", "HEAD")
    checkout.git("update-index", "--add", "--cacheinfo", f"160000,{sha},module")
    checkout.git("commit", "--quiet", "--message=Module")
    with open_repository(checkout.path) as repository:
        for path in ("absent", "directory", "link", "module", "module/x", "README/x", ".", ""):
            assert repository.read_file("HEAD", path) is None


@pytest.mark.parametrize("path", ["..", "../x", "a/../../x", "/etc/passwd"])
def test_a_path_out_of_the_repository_is_refused(checkout: Checkout, path: str) -> None:
    """No question about a commit leads out of it."""
    with open_repository(checkout.path) as repository:
        for ask in (repository.read_file, repository.list_directory, repository.is_directory):
            with pytest.raises(UsageError, match="leads out"):
                ask("HEAD", path)
        with pytest.raises(UsageError, match="leads out"):
            repository.commits_touching(path, "HEAD")


def test_a_directory_is_listed_as_committed(checkout: Checkout) -> None:
    """Names come sorted, directories marked; what was added since is not there."""
    checkout.commit("Files", baselines__b="", baselines__a="", baselines__sub__c="")
    checkout.write("baselines/later")
    with open_repository(checkout.path) as repository:
        assert repository.list_directory("HEAD", "baselines") == ("a", "b", "sub/")
        assert repository.list_directory("HEAD", ".") == ("README", "baselines/")
        assert repository.list_directory("HEAD", "absent") == ()
        assert repository.list_directory("HEAD", "README") == ()
        assert repository.is_directory("HEAD", "baselines/sub")
        assert not repository.is_directory("HEAD", "README")


def test_dirty_is_any_difference_from_the_commit(checkout: Checkout) -> None:
    """Changed, staged, removed and new files make a tree dirty; ignored ones do not."""
    checkout.commit("Ignore", **{".gitignore": "*.pyc\n"})

    def dirty() -> bool:
        with open_repository(checkout.path) as repository:
            return repository.is_dirty()

    checkout.write("x.pyc")
    assert not dirty()
    new = checkout.write("new.py")
    assert dirty()
    checkout.git("add", "new.py")
    assert dirty()
    checkout.git("reset", "--quiet")
    new.unlink()
    assert not dirty()
    checkout.write("README", "changed")
    assert dirty()
    (checkout.path / "README").unlink()
    assert dirty()


def test_submodules_are_listed(checkout: Checkout) -> None:
    """Law: the submodules of a commit are its entries of that kind, wherever they lie."""
    sha = checkout.git("rev-parse", "HEAD")
    with open_repository(checkout.path) as repository:
        assert repository.submodules("HEAD") == ()
    paths = ("m\u00f6d ule", "deep/down/module")
    for path in paths:
        checkout.git("update-index", "--add", "--cacheinfo", f"160000,{sha},{path}")
    checkout.write(".gitmodules", "")
    checkout.git("add", ".gitmodules")
    checkout.git("commit", "--quiet", "--message=Modules")
    with open_repository(checkout.path) as repository:
        assert set(repository.submodules("HEAD")) == set(paths)
        assert repository.submodules("HEAD~1") == ()


# Worktrees


def test_a_worktree_comes_and_is_forgotten(checkout: Checkout, tmp_path: Path) -> None:
    """A commit is checked out elsewhere on no branch; once removed, git can forget it."""
    first = checkout.git("rev-parse", "HEAD")
    checkout.commit("Second", README="changed")
    place = tmp_path / "w\u00f6rk tree"
    with open_repository(checkout.path) as repository:
        repository.add_worktree(place, first)
        assert (place / "README").read_text() == "hello\n"
        assert repository.worktrees() == (checkout.path, place)
        place.rename(tmp_path / "moved")
        repository.forget_worktree(place)
        repository.forget_worktree(place)
        assert repository.worktrees() == (checkout.path,)
    assert checkout.git("branch", "--show-current") == "main"


def test_a_checkout_runs_no_hook(checkout: Checkout, tmp_path: Path) -> None:
    """Neither the repository's hooks nor those of the commit checked out are run."""
    witness = tmp_path / "witness"
    hook = f"#!/bin/sh\ntouch '{witness}'\n"
    for name in (".git/hooks/post-checkout", ".husky/post-checkout"):
        checkout.write(name, hook).chmod(0o755)
    checkout.git("config", "core.hooksPath", ".husky")
    checkout.commit("Hooks")
    with open_repository(checkout.path) as repository:
        repository.add_worktree(tmp_path / "one", "HEAD")
    assert not witness.exists()


def test_a_checkout_that_fails_says_why(checkout: Checkout, tmp_path: Path) -> None:
    """What git complains about when it cannot check out is told on one line, with a hint."""
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    with open_repository(checkout.path) as repository, pytest.raises(TargetError) as caught:
        repository.add_worktree(tmp_path / "taken", "HEAD")
    assert "already exists" in caught.value.message
    assert caught.value.message.isprintable()
    assert caught.value.hint


def test_worktrees_of_others_stay(checkout: Checkout, tmp_path: Path) -> None:
    """Forgetting one worktree keeps another whose disk is away just now."""
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for place in (ours, theirs):
        checkout.git("worktree", "add", "--quiet", "--detach", str(place))
        place.rename(tmp_path / f"{place.name} away")
    with open_repository(checkout.path) as repository:
        repository.forget_worktree(ours)
    assert checkout.worktrees() == [str(checkout.path), str(theirs)]


def test_a_worktree_left_half_made_is_forgotten(checkout: Checkout, tmp_path: Path) -> None:
    """A run killed while git was checking out leaves a locked worktree; it goes all the same."""
    place = tmp_path / "half"
    checkout.git("worktree", "add", "--quiet", "--detach", str(place))
    checkout.git("worktree", "lock", "--reason=initializing", str(place))
    place.rename(tmp_path / "away")
    with open_repository(checkout.path) as repository:
        repository.forget_worktree(place)
    assert checkout.worktrees() == [str(checkout.path)]


# Making


def test_a_repository_is_begun_and_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commits are in the name that is given, on the branch that is checked out, without hooks."""
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    begin_repository(tmp_path, "main")
    (tmp_path / ".git" / "hooks").mkdir(exist_ok=True)
    hook = tmp_path / ".git" / "hooks" / "pre-commit"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    (tmp_path / "app.py").write_text("first\n")
    with open_repository(tmp_path) as repository:
        assert repository.head() is None
        first = repository.commit_all("First", "Ann", "ann@example.org")
        repository.switch("side")
        (tmp_path / "app.py").write_text("second\n")
        second = repository.commit_all("Second", "Ann", "ann@example.org")
        repository.switch("main")
        assert (tmp_path / "app.py").read_text() == "first\n"
        assert (repository.head(), repository.resolve("side")) == (first, second)
        assert repository.merge_base("main", "side") == first
        repository.switch("side")
        assert (tmp_path / "app.py").read_text() == "second\n"


def test_what_git_refuses_is_told(checkout: Checkout) -> None:
    """A commit of nothing, and a switch that would lose changes, are errors in git's words."""
    with open_repository(checkout.path) as repository:
        with pytest.raises(RefError, match="could not commit"):
            repository.commit_all("Nothing", "Ann", "ann@example.org")
        repository.switch("side")
        checkout.commit("Second", README="other\n")
        checkout.write("README", "changed\n")
        with pytest.raises(RefError, match="could not switch to"):
            repository.switch(checkout.git("rev-parse", "--abbrev-ref", "@{-1}"))


# Writing


@pytest.fixture
def signed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let git know who commits."""
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ann")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ann@example.org")


def belongings(checkout: Checkout) -> tuple[object, ...]:
    """Return all that is the user's: files, what is staged, HEAD and where it points."""
    files = {
        str(path): path.read_bytes()
        for path in sorted(checkout.path.rglob("*"))
        if path.is_file() and ".git" not in path.parts
    }
    index = (checkout.path / ".git" / "index").read_bytes()
    head = (checkout.path / ".git" / "HEAD").read_text()
    return files, index, head, checkout.git("rev-parse", "HEAD"), checkout.git("status", "--short")


@pytest.mark.usefixtures("signed")
def test_a_commit_aside_leaves_everything_as_it_is(checkout: Checkout) -> None:
    """Law: files, index and HEAD stay, staged and unstaged changes too, and no hook runs."""
    checkout.write("staged.txt", "staged")
    checkout.git("add", "staged.txt")
    checkout.write("README", "changed")
    ran = checkout.path.parent / "ran"
    for hook in ("pre-commit", "post-commit", "commit-msg", "reference-transaction"):
        path = checkout.write(f".git/hooks/{hook}", f"#!/bin/sh\ntouch '{ran}'\n")
        path.chmod(0o755)
    before, parent = belongings(checkout), checkout.git("rev-parse", "HEAD")
    with open_repository(checkout.path) as repository:
        commit = repository.commit_aside(parent, {"a b/\u00fc.json": b"{}\r\n"}, "-m is no option")
        repository.move_branch("perfgate/baseline", commit, None)
        assert repository.read_file(commit, "a b/\u00fc.json") == b"{}\r\n"
        assert repository.read_file(commit, "README") == b"hello\n"
        assert repository.list_directory(commit, ".") == ("README", "a b/")
        assert repository.branch_tip("perfgate/baseline") == commit
        assert repository.message(commit).strip() == "-m is no option"
        assert repository.is_ancestor(parent, commit)
        assert not repository.is_ancestor(commit, parent)
    assert checkout.git("log", "-1", "--format=%P %an", "perfgate/baseline") == f"{parent} Ann"
    assert belongings(checkout) == before
    assert not ran.exists()


@pytest.mark.usefixtures("signed")
def test_of_two_who_move_a_branch_one_is_told(checkout: Checkout) -> None:
    """Law: a branch moves from where it was seen, or not at all."""
    head = checkout.git("rev-parse", "HEAD")
    with open_repository(checkout.path) as one, open_repository(checkout.path) as other:
        first, second = (each.commit_aside(head, {"x": b"1"}, str(each)) for each in (one, other))
        seen = one.branch_tip("proposal"), other.branch_tip("proposal")
        assert seen == (None, None)
        one.move_branch("proposal", first, seen[0])
        with pytest.raises(RefError, match="could not be moved") as caught:
            other.move_branch("proposal", second, seen[1])
        assert "run again" in caught.value.hint
        assert other.branch_tip("proposal") == first
        other.move_branch("proposal", second, first)
        assert one.branch_tip("proposal") == second


def test_a_branch_that_is_checked_out_is_left_alone(checkout: Checkout) -> None:
    """Law: nobody's working tree is pulled away from under them."""
    head = checkout.git("rev-parse", "HEAD")
    with (
        open_repository(checkout.path) as repository,
        pytest.raises(RefError, match="'main' is checked out"),
    ):
        repository.move_branch("main", head, head)


@pytest.mark.usefixtures("signed")
def test_why_a_branch_does_not_move_is_told(checkout: Checkout) -> None:
    """Law: only of one that has moved it is said so; a name in the way and a lock are others."""
    head = checkout.git("rev-parse", "HEAD")
    checkout.git("branch", "perfgate")
    with open_repository(checkout.path) as repository:
        with pytest.raises(RefError, match="there is one called 'perfgate'") as taken:
            repository.move_branch("perfgate/baseline", head, None)
        checkout.write(".git/refs/heads/other.lock", "")
        with pytest.raises(RefError, match="could not move the branch 'other'") as locked:
            repository.move_branch("other", head, None)
    assert taken.value.hint == "Rename that one, or name another."
    assert "Another git command is at work here" in locked.value.hint


@pytest.mark.usefixtures("signed")
def test_why_a_commit_is_not_made_is_told(checkout: Checkout) -> None:
    """Law: who commits is asked for only where git does not know that."""
    with (
        open_repository(checkout.path) as repository,
        pytest.raises(UsageError, match="both a file and as a directory") as caught,
    ):
        repository.commit_aside("HEAD", {"README/x": b"1"}, "Change")
    assert "who you are" not in caught.value.hint


@pytest.mark.parametrize("name", ["-d", "a..b", "", "x y", "@{-1}", "a.lock"])
def test_what_cannot_be_a_branch(checkout: Checkout, name: str) -> None:
    """A name that git does not take is a usage error, and never an option."""
    with (
        open_repository(checkout.path) as repository,
        pytest.raises(UsageError, match="cannot be the name"),
    ):
        repository.branch_tip(name)


def test_a_commit_needs_an_author(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where git does not know who commits it says so, and nothing is written."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    checkout.git("config", "user.useConfigOnly", "true")
    with open_repository(checkout.path) as repository:
        assert repository.author() is None
        with pytest.raises(UsageError, match="git could not commit") as caught:
            repository.commit_aside("HEAD", {"x": b"1"}, "Change")
    assert "user.email" in caught.value.hint


@pytest.mark.usefixtures("signed")
def test_who_would_be_the_author(checkout: Checkout) -> None:
    """It is told as git would write it, without the time."""
    with open_repository(checkout.path) as repository:
        assert repository.author() == "Ann <ann@example.org>"
