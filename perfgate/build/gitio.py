"""Questions about a git repository pass through, and commits, files and worktrees come out.

This is the only door to git: nothing here builds, caches, or fetches from a remote.
"""

from __future__ import annotations

import difflib
import os
import posixpath
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perfgate.errors import PerfgateError, RefError, TargetError, UsageError
from perfgate.tail import escaped, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    import git

_FULL_SHA = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_SHORT = 10
_SUMMARY_WIDTH = 60
_MOST_NAMES_COMPARED = 2000

# A git hook that calls perfgate exports these; they would turn every command to that hook's
# repository and index, and GitPython can add to a command's environment but never drop from it.
_POINTERS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_NAMESPACE")

_SETTINGS = (
    # A checkout runs hooks with our whole environment, and core.hooksPath may lead into the
    # candidate's tree.
    "core.hooksPath=/dev/null",
    # The same goes for a program that watches the tree.
    "core.fsmonitor=false",
)
_ENVIRONMENT = {
    "GIT_LITERAL_PATHSPECS": "1",  # a path is a path, never a pattern
    "GIT_OPTIONAL_LOCKS": "0",  # asking for the status must not write the user's index
    "GIT_TERMINAL_PROMPT": "0",  # a partial clone fetches what it lacks, and would ask
}


class Repository:
    """A git repository with a working tree, open while :func:`open_repository` is."""

    def __init__(self, repo: git.Repo) -> None:
        self._repo = repo
        self._errors: ModuleType = _import_git().exc
        self.top = Path(str(repo.working_tree_dir)).resolve()
        # The part all worktrees of a repository share; in a worktree GitPython leaves ".." in it.
        self.common_directory = Path(repo.common_dir).resolve()

    def relative(self, path: Path) -> str:
        """Return `path` as seen from the top of the repository, with slashes; "." is the top.

        UsageError when it lies outside.
        """
        resolved = path.resolve()
        if not resolved.is_relative_to(self.top):
            raise UsageError(f"{path} is outside the repository {self.top}")
        return resolved.relative_to(self.top).as_posix()

    def resolve(self, ref: str) -> str:
        """Return the full hash of the commit that `ref` names.

        RefError when it names none; its hint tells a near match, or how to fetch the commit.
        """
        if not ref or ref.startswith("-") or not ref.isprintable():
            raise RefError(
                f"{ref!r} is not a git ref",
                hint="Name a branch, a tag or a commit; none of them starts with '-'.",
            )
        commit = self._commit_of(ref)
        if commit is None:
            raise RefError(
                f"{ref!r} names no commit in {self.top}", hint=self._hint_for_missing(ref)
            )
        return commit

    def branch(self, name: str) -> str | None:
        """Return what the branch is called here: it may be only on the remote, or not here."""
        called = (name, f"origin/{name}")
        return next((ref for ref in called if self._commit_of(ref) is not None), None)

    def head(self) -> str | None:
        """Return the commit checked out, None before the first one."""
        return self._commit_of("HEAD")

    def merge_base(self, a: str, b: str) -> str | None:
        """Return the best common ancestor of two refs, None where they share no history here."""
        first, second = self.resolve(a), self.resolve(b)
        try:
            return _text(self._repo.git.merge_base(first, second)) or None
        except self._errors.GitCommandError as error:
            if error.status == 1:
                return None
            raise self._failed("find the merge base", error) from error

    def is_shallow(self) -> bool:
        """Tell whether history is cut off, as in a checkout of depth 1."""
        return _text(self._repo.git.rev_parse("--is-shallow-repository")) == "true"

    def read_file(self, commit: str, path: str) -> bytes | None:
        """Return the content of the file at `path` (from the top) in `commit`, None without one.

        Symbolic links and submodules are not files.
        """
        entry = self._entry(commit, path)
        if entry is None or entry.type != "blob" or entry.mode == entry.link_mode:
            return None
        return bytes(entry.data_stream.read())

    def list_directory(self, commit: str, path: str) -> tuple[str, ...]:
        """Return the sorted names in the directory `path` of `commit`; directories end in "/".

        A directory that is not there has no names.
        """
        entry = self._entry(commit, path)
        if entry is None or entry.type != "tree":
            return ()
        return tuple(sorted(child.name + ("/" if child.type == "tree" else "") for child in entry))

    def is_directory(self, commit: str, path: str) -> bool:
        """Tell whether `commit` has a directory at `path` (from the top)."""
        entry = self._entry(commit, path)
        return entry is not None and entry.type == "tree"

    def tree_id(self, commit: str, path: str) -> str | None:
        """Return the hash of all that is in the directory `path` of `commit`, None without one."""
        entry = self._entry(commit, path)
        return str(entry.hexsha) if entry is not None and entry.type == "tree" else None

    def author(self) -> str | None:
        """Return whom git would name as author of a commit, None where it does not know."""
        try:
            return _text(self._repo.git.var("GIT_AUTHOR_IDENT")).rpartition("> ")[0] + ">"
        except self._errors.GitCommandError:
            return None

    def is_dirty(self) -> bool:
        """Tell whether the working tree differs from its commit; new files count, ignored not."""
        return bool(_text(self._repo.git.status("--porcelain", "--untracked-files=normal")))

    def describe(self, commit: str) -> str:
        """Return the short hash and the start of the message of `commit`, safe to print."""
        sha = self.resolve(commit)
        summary = self._repo.commit(sha).summary
        words = summary if isinstance(summary, str) else summary.decode("utf-8", "replace")
        return f"{sha[:_SHORT]} {shortened(escaped(words), _SUMMARY_WIDTH)}".rstrip()

    def commits_touching(self, path: str, start: str, *, limit: int = 100) -> tuple[str, ...]:
        """Return up to `limit` commits that changed `path` (from the top), newest first.

        They are `start` and its ancestors, of all branches that were merged; in a shallow clone,
        those that are there.
        """
        wanted = _inside(path)
        if limit < 1:
            return ()
        found = self._repo.git.rev_list(
            "--full-history", f"--max-count={limit}", self.resolve(start), "--", wanted or "."
        )
        return tuple(_text(found).split())

    def add_worktree(self, directory: Path, commit: str) -> None:
        """Check out `commit` in the new `directory` (an absolute path), on no branch.

        Hooks do not run and submodules stay empty. TargetError when git cannot.
        """
        sha = self.resolve(commit)
        try:
            self._repo.git.worktree("add", "--detach", "--", str(directory), sha)
        except self._errors.GitCommandError as error:
            raise TargetError(
                f"commit {sha[:_SHORT]} could not be checked out: {_words_of(error)}",
                hint="Look for free space and for filters (like git-lfs) that cannot run.",
            ) from error

    def worktrees(self) -> tuple[Path, ...]:
        """Return the directory of every worktree registered, the main one first."""
        lines = _text(self._repo.git.worktree("list", "--porcelain")).splitlines()
        prefix = "worktree "
        return tuple(Path(line[len(prefix) :]) for line in lines if line.startswith(prefix))

    def forget_worktree(self, directory: Path) -> None:
        """Drop the registration of the worktree at `directory`, which must not exist by now.

        Unlike ``git worktree prune`` this leaves alone whatever else is missing: the user's own
        worktrees on a disk that is not mounted. Nothing happens when none is registered there.
        """
        if directory in self.worktrees():
            # Forced twice, for git keeps a worktree locked until it is checked out entirely.
            self._repo.git.worktree("remove", "--force", "--force", "--", str(directory))

    def commit_all(self, message: str, name: str, email: str) -> str:
        """Commit the working tree as it is, in somebody's name, and return the commit.

        Neither hooks nor the user's own name and signature are asked for. RefError when git cannot.
        """
        who = {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": email}
        who |= {"GIT_COMMITTER_NAME": name, "GIT_COMMITTER_EMAIL": email}
        try:
            with self._repo.git.custom_environment(**who):
                self._repo.git.add("--all")
                self._repo.git.commit("--quiet", "--no-gpg-sign", "--message", message)
        except self._errors.GitCommandError as error:
            raise self._failed("commit", error) from error
        return self.resolve("HEAD")

    def switch(self, branch: str) -> None:
        """Check out a branch, which begins here if there is none yet. RefError when git cannot."""
        create = () if self._commit_of(f"refs/heads/{branch}") else ("--create",)
        try:
            self._repo.git.switch("--quiet", *create, branch)
        except self._errors.GitCommandError as error:
            raise self._failed(f"switch to {branch}", error) from error

    def _commit_of(self, ref: str) -> str | None:
        try:
            found = self._repo.git.rev_parse(
                "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}"
            )
        except self._errors.GitCommandError:
            return None
        sha = _text(found).strip()
        return sha if _FULL_SHA.fullmatch(sha) else None

    def _entry(self, commit: str, path: str) -> Any:  # noqa: ANN401 - GitPython's own tree types
        """Return the blob, tree or submodule at `path` in `commit`, None where there is none."""
        tree = self._repo.commit(self.resolve(commit)).tree
        wanted = _inside(path)
        if not wanted:
            return tree
        try:
            return tree.join(wanted)
        except KeyError:
            return None

    def _hint_for_missing(self, ref: str) -> str:
        near = self._near_names(ref)
        if near:
            return f"Is it {' or '.join(near)}?"
        if not self.is_shallow():
            return "`git fetch --all --tags` brings what the remotes have."
        if _FULL_SHA.fullmatch(ref):
            return f"History is cut off here. Run: git fetch --depth=1 origin {ref}"
        return "History is cut off here. Run: git fetch --unshallow --tags origin"

    def _near_names(self, ref: str) -> list[str]:
        found = self._repo.git.for_each_ref(
            f"--count={_MOST_NAMES_COMPARED}",
            "--format=%(refname:short)",
            "refs/heads",
            "refs/tags",
            "refs/remotes",
        )
        names = _text(found).splitlines()
        remote = [name for name in names if name.partition("/")[2] == ref]
        return remote or difflib.get_close_matches(ref, names, n=3, cutoff=0.75)

    def _failed(self, deed: str, error: git.GitCommandError) -> PerfgateError:
        return RefError(f"git could not {deed} in {self.top}: {_words_of(error)}")


@contextmanager
def open_repository(path: Path) -> Iterator[Repository]:
    """Open the repository that contains `path`, and close it with everything git has running.

    UsageError when there is none, when it has no working tree, when it belongs to somebody git
    does not trust, or when git is not installed.
    """
    module = _import_git()
    with _without_pointers():
        try:
            # Variables in a path stay as they are: a directory may well be called "$HOME".
            repo = module.Repo(path.resolve(), search_parent_directories=True, expand_vars=False)
        except (module.exc.InvalidGitRepositoryError, module.exc.NoSuchPathError) as error:
            raise UsageError(
                f"{path} is not in a git repository",
                hint="Run perfgate inside a clone, or name a directory instead of a ref.",
            ) from error
        with repo:
            # GitPython expands variables in the directory commands run in all the same, and where
            # that is no directory runs them in ours: in another repository.
            repo.git.set_persistent_git_options(C=str(repo.working_dir), c=list(_SETTINGS))
            repo.git.update_environment(**_ENVIRONMENT)
            _refuse_unusable(repo)
            yield Repository(repo)


def begin_repository(directory: Path, branch: str) -> None:
    """Make an empty repository of an existing directory, with no commit on its branch yet.

    UsageError when git is not installed.
    """
    module = _import_git()
    with _without_pointers():
        module.Repo.init(directory, initial_branch=branch, expand_vars=False).close()


def _import_git() -> Any:  # noqa: ANN401 - a module whose exceptions are caught through it
    try:
        import git  # noqa: PLC0415 - slow to load, and without a git binary it cannot be loaded
    except ImportError as error:
        raise UsageError(
            "git cannot be run", hint="Install git, and make sure that it is on PATH."
        ) from error
    return git


@contextmanager
def _without_pointers() -> Iterator[None]:
    dropped = {name: os.environ.pop(name) for name in _POINTERS if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(dropped)


def _refuse_unusable(repo: git.Repo) -> None:
    """Let git itself look at the repository: GitPython opens what git then refuses to touch."""
    if repo.bare:
        raise UsageError(
            f"{repo.git_dir} is a bare repository", hint="Run perfgate in a clone of it."
        )
    errors = _import_git().exc
    try:
        seen = repo.git.rev_parse("--show-toplevel")
    except errors.GitCommandNotFound as error:
        raise UsageError(
            "git cannot be run", hint="Install git, and make sure that it is on PATH."
        ) from error
    except errors.GitCommandError as error:
        raise _refusal(repo, error) from error
    if Path(_text(seen)).resolve() != Path(str(repo.working_tree_dir)).resolve():
        raise UsageError(
            f"the working tree of {repo.working_tree_dir} lies at {seen}",
            hint="Run perfgate there, or unset core.worktree.",
        )


def _refusal(repo: git.Repo, error: git.GitCommandError) -> UsageError:
    words = _words_of(error)
    top = str(repo.working_tree_dir)
    if "dubious ownership" in words:
        return UsageError(
            f"{top} belongs to another user, so git does not touch it",
            hint=f"If you trust it, run: git config --global --add safe.directory '{top}'",
        )
    return UsageError(f"git refuses {top}: {words}")


def _inside(path: str) -> str:
    """Return `path` without dots and doubled slashes; the top is empty."""
    normal = posixpath.normpath(path)
    if posixpath.isabs(normal) or normal.split("/")[0] == "..":
        raise UsageError(f"{path!r} leads out of the repository")
    return "" if normal == "." else normal


def _words_of(error: git.GitCommandError) -> str:
    """Return git's own complaint on one line, without GitPython's frame around it."""
    words = str(error.stderr).strip().removeprefix("stderr:").strip().strip("'").strip()
    return shortened(escaped(" ".join(words.split()))) or f"git exited with {error.status}"


def _text(output: object) -> str:
    """Return what a git command printed; GitPython's types allow for more than ever comes."""
    return output if isinstance(output, str) else ""
