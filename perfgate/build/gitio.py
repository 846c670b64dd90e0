"""Questions about a git repository pass through, and commits, files and worktrees come out.

Nothing here builds, caches, or fetches from a remote.
"""

from __future__ import annotations

import difflib
import posixpath
import re
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from perfgate.build.gitdoor import MORE, import_git, opened, text_of, without_pointers, words_of
from perfgate.errors import RefError, TargetError, UsageError
from perfgate.tail import escaped, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import ModuleType

    import git

_FULL_SHA = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_SHORT = 10
_SUMMARY_WIDTH = 60
_MOST_NAMES_COMPARED = 2000
_ALL = 2**31 - 1  # the most that git counts to
_SUBMODULE = "160000 "  # the mode of such an entry
# What git complains about where nobody could be named as author.
_NOBODY = ("tell me who you are", "empty ident name")
_UNWRITTEN = "Look for free space, and for the right to write below .git."
WHO = "Tell git who you are: git config user.name and user.email."


@dataclass(frozen=True, slots=True)
class Link:
    """A commit in a line of history: its full hash, how it is told (safe to print), its parents."""

    commit: str
    told: str
    parents: tuple[str, ...]


class Repository:
    """A git repository with a working tree, open while :func:`open_repository` is."""

    def __init__(self, repo: git.Repo) -> None:
        self._repo = repo
        self._errors: ModuleType = import_git().exc
        self.top = Path(str(repo.working_tree_dir)).resolve()
        # The part all worktrees of a repository share; in a worktree GitPython leaves ".." in it.
        self.common_directory = Path(repo.common_dir).resolve()

    def relative(self, path: Path) -> str:
        """Return `path` as seen from the top of the repository, with slashes; "." is the top.

        UsageError when it lies outside.
        """
        resolved = path.resolve()
        if not resolved.is_relative_to(self.top):
            raise UsageError(
                f"{path} is outside the repository {self.top}",
                hint="Keep it inside: a commit has only what lies there.",
            )
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
        """Return what the branch is called here: it may be only on the remote, or not here.

        Where git takes its short name for something else, as for a tag, that is its full one.
        """
        called = {
            f"refs/heads/{name}": name,
            f"refs/remotes/origin/{name}": f"origin/{name}",
            f"refs/remotes/{name}": name,
        }
        for full, short in called.items():
            commit = self._commit_of(full)
            if commit is not None:
                return short if self._commit_of(short) == commit else full
        return None

    def main_branch(self) -> str | None:
        """Return the branch that others start from: the remote's, or main or master if it is here.

        None where there is none of them.
        """
        remote = "refs/remotes/origin/"
        try:
            head = text_of(self._repo.git.symbolic_ref("--quiet", f"{remote}HEAD"))
        except self._errors.GitCommandError:
            return next((name for name in ("main", "master") if self.branch(name)), None)
        return head.removeprefix(remote)

    def head(self) -> str | None:
        """Return the commit checked out, None before the first one."""
        return self._commit_of("HEAD")

    def merge_base(self, a: str, b: str) -> str | None:
        """Return the best common ancestor of two refs, None where they share no history here."""
        first, second = self.resolve(a), self.resolve(b)
        try:
            return text_of(self._repo.git.merge_base(first, second)) or None
        except self._errors.GitCommandError as error:
            if error.status == 1:
                return None
            raise self._failed("find the merge base", error) from error

    def line(self, start: str, end: str) -> tuple[Link, ...]:
        """Return the commits that led from `start` to `end`, oldest first; the last is `end`.

        They are `end` and its first parents, as far as `start` does not have them: of a merge, the
        branch that was merged into. Empty where `start` has `end` already.
        """
        span = f"{self.resolve(start)}..{self.resolve(end)}"
        told = self._asked(
            "list commits", "rev_list", "--first-parent", "--reverse", "--format=%P%n%s", span
        )
        # Three lines each: "commit" and its hash, its parents, the first line of its message. An
        # empty line at the end is not handed on.
        lines = [*told.split("\n"), ""] if told else []
        return tuple(
            _link(head.removeprefix("commit "), parents, subject)
            for head, parents, subject in zip(lines[::3], lines[1::3], lines[2::3], strict=False)
        )

    def is_shallow(self) -> bool:
        """Tell whether history is cut off, as in a checkout of depth 1."""
        return text_of(self._repo.git.rev_parse("--is-shallow-repository")) == "true"

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
            return text_of(self._repo.git.var("GIT_AUTHOR_IDENT")).rpartition("> ")[0] + ">"
        except self._errors.GitCommandError:
            return None

    def submodules(self, commit: str) -> tuple[str, ...]:
        """Return the paths (from the top) of the submodules that `commit` has."""
        sha = self.resolve(commit)
        if self.read_file(sha, ".gitmodules") is None:
            return ()
        entries = self._asked("list files", "ls_tree", "-r", "-z", sha).split("\0")
        return tuple(entry.partition("\t")[2] for entry in entries if entry.startswith(_SUBMODULE))

    def is_dirty(self) -> bool:
        """Tell whether the working tree differs from its commit; new files count, ignored not."""
        words = ("status", "--porcelain", "--untracked-files=normal")
        return bool(self._asked("compare the working tree", *words))

    def describe(self, commit: str) -> str:
        """Return the short hash and the start of the message of `commit`, safe to print."""
        sha = self.resolve(commit)
        summary = self._repo.commit(sha).summary
        words = summary if isinstance(summary, str) else summary.decode("utf-8", "replace")
        return _told(sha, words)

    def commits_touching(
        self, path: str, start: str, *, since: str | None = None, limit: int = 100
    ) -> tuple[str, ...]:
        """Return up to `limit` commits that changed `path` (from the top), newest first.

        They are `start` and its ancestors, but not those of `since`, of all branches that were
        merged; in a shallow clone, those that are there.
        """
        wanted = _inside(path)
        if limit < 1:
            return ()
        known = () if since is None else (f"^{self.resolve(since)}",)
        span = (f"--max-count={limit}", self.resolve(start), *known)
        words = ("--full-history", *span, "--", wanted or ".")
        return tuple(self._asked("list commits", "rev_list", *words).split())

    def message(self, commit: str) -> str:
        """Return the whole message of `commit`."""
        words = self._repo.commit(self.resolve(commit)).message
        return words if isinstance(words, str) else words.decode("utf-8", "replace")

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Tell whether all that `older` has is in the history of `newer`."""
        return self.merge_base(older, newer) == self.resolve(older)

    def has_taken(self, newer: str, other: str) -> bool:
        """Tell whether what `other` changed is in the history of `newer`, in whatever commits.

        So it is where a branch was merged as a new commit, and stays behind.
        """
        since = self.merge_base(other, newer)
        if since is None:
            return False
        words = ("--name-only", "--no-renames", "-z", since, self.resolve(other))
        paths = filter(None, self._asked("compare commits", "diff", *words).split("\0"))
        return all(self._came_to(newer, since, path, self.read_file(other, path)) for path in paths)

    def _came_to(self, newer: str, since: str, path: str, content: bytes | None) -> bool:
        commits = self.commits_touching(path, newer, since=since, limit=_ALL)
        return any(self.read_file(commit, path) == content for commit in commits)

    def commit_aside(self, parent: str, files: Mapping[str, bytes], message: str) -> str:
        """Return a new commit on `parent` with these files (by path from the top), on no branch.

        The working tree, the index and HEAD stay as they are, and no hook runs. UsageError when
        git does not know who commits, or cannot write.
        """
        parent = self.resolve(parent)
        with tempfile.TemporaryDirectory(prefix="perfgate-index-") as scratch:
            index = {"GIT_INDEX_FILE": str(Path(scratch) / "index")}
            try:
                with self._repo.git.custom_environment(**index):
                    self._repo.git.read_tree(parent)
                    for path, content in files.items():
                        entry = f"100644,{self._blob(content)},{_inside(path)}"
                        self._repo.git.update_index("--add", "--cacheinfo", entry)
                    tree = text_of(self._repo.git.write_tree())
                return text_of(self._repo.git.commit_tree(tree, "-p", parent, "-m", message))
            except self._errors.GitCommandError as error:
                unknown = any(words in str(error.stderr) for words in _NOBODY)
                raise UsageError(
                    f"git could not commit in {self.top}: {words_of(error)}",
                    hint=WHO if unknown else _UNWRITTEN,
                ) from error

    def branch_tip(self, name: str) -> str | None:
        """Return the commit of the local branch, None where there is none of that name.

        UsageError when it cannot be the name of a branch.
        """
        try:
            self._repo.git.check_ref_format("--branch", name)
        except self._errors.GitCommandError as error:
            raise UsageError(
                f"{name!r} cannot be the name of a branch",
                hint="Name one that `git check-ref-format --branch` takes.",
            ) from error
        return self._commit_of(f"refs/heads/{name}")

    def move_branch(self, name: str, commit: str, was: str | None) -> None:
        """Let the local branch be at `commit`, if it still is at `was`; None: if it is not there.

        RefError when it has moved meanwhile, or as :meth:`refuse_immovable` says.
        """
        self.refuse_immovable(name)
        try:
            # Git itself compares, so that of two who move it at once one is told.
            self._repo.git.update_ref(f"refs/heads/{name}", self.resolve(commit), was or "")
        except self._errors.GitCommandError as error:
            if self.branch_tip(name) == was:
                raise self._failed(f"move the branch {name!r}", error) from error
            raise RefError(
                f"the branch {name!r} could not be moved: {words_of(error)}",
                hint="Something else has moved it meanwhile: run again.",
            ) from error

    def refuse_immovable(self, name: str) -> None:
        """Raise RefError for a branch that is checked out in some worktree, or cannot be made.

        Git keeps branches as files: where there is one called "a" there can be no "a/b".
        """
        if f"branch refs/heads/{name}" in self._worktree_lines():
            raise RefError(
                f"the branch {name!r} is checked out", hint="Check out another one, or name one."
            )
        above = (str(own) for own in PurePosixPath(name).parents)
        taken = next((own for own in above if self._commit_of(f"refs/heads/{own}")), None)
        if taken is not None:
            raise RefError(
                f"there can be no branch {name!r}, for there is one called {taken!r}",
                hint="Rename that one, or name another.",
            )

    def add_worktree(self, directory: Path, commit: str) -> None:
        """Check out `commit` in the new `directory` (an absolute path), on no branch.

        Hooks do not run and submodules stay empty. TargetError when git cannot.
        """
        sha = self.resolve(commit)
        try:
            self._repo.git.worktree("add", "--detach", "--", str(directory), sha)
        except self._errors.GitCommandError as error:
            raise TargetError(
                f"commit {sha[:_SHORT]} could not be checked out: {words_of(error)}",
                hint="Look for free space, for the right to write below .git, and for filters "
                "(like git-lfs) that cannot run.",
            ) from error

    def worktrees(self) -> tuple[Path, ...]:
        """Return the directory of every worktree registered, the main one first."""
        prefix = "worktree "
        lines = self._worktree_lines()
        return tuple(Path(line[len(prefix) :]) for line in lines if line.startswith(prefix))

    def forget_worktree(self, directory: Path) -> None:
        """Drop the registration of the worktree at `directory`, which must not exist by now.

        Unlike ``git worktree prune`` this leaves alone whatever else is missing: the user's own
        worktrees on a disk that is not mounted. Nothing happens when none is registered there.
        """
        if directory in self.worktrees():
            # Forced twice, for git keeps a worktree locked until it is checked out entirely.
            words = ("remove", "--force", "--force", "--", str(directory))
            self._asked("forget a worktree", "worktree", *words)

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

    def _worktree_lines(self) -> list[str]:
        return self._asked("list worktrees", "worktree", "list", "--porcelain").splitlines()

    def _blob(self, content: bytes) -> str:
        """Return the hash of the content, which is in the repository from now on."""
        with tempfile.TemporaryFile() as file:
            file.write(content)
            file.seek(0)
            return text_of(self._repo.git.hash_object("-w", "--stdin", istream=file))

    def _commit_of(self, ref: str) -> str | None:
        try:
            found = self._repo.git.rev_parse(
                "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}"
            )
        except self._errors.GitCommandError:
            return None
        sha = text_of(found).strip()
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
        names = self._asked(
            "list branches",
            "for_each_ref",
            f"--count={_MOST_NAMES_COMPARED}",
            "--format=%(refname:short)",
            "refs/heads",
            "refs/tags",
            "refs/remotes",
        ).splitlines()
        remote = [name for name in names if name.partition("/")[2] == ref]
        return remote or difflib.get_close_matches(ref, names, n=3, cutoff=0.75)

    def _asked(self, deed: str, verb: str, *words: str) -> str:
        """Return what git printed; RefError, naming the deed, when it could not do it."""
        try:
            return text_of(getattr(self._repo.git, verb)(*words))
        except self._errors.GitCommandError as error:
            raise self._failed(deed, error) from error

    def _failed(self, deed: str, error: git.GitCommandError) -> RefError:
        words = words_of(error)
        hint = (
            "Another git command is at work here. Wait for it; if there is none, remove that file."
            # What is told may be cut just there.
            if ".lock" in str(error.stderr)
            else MORE
        )
        return RefError(f"git could not {deed} in {self.top}: {words}", hint=hint)


@contextmanager
def open_repository(path: Path) -> Iterator[Repository]:
    """Open the repository that contains `path`, and close it with everything git has running.

    UsageError when there is none, when it has no working tree, when it belongs to somebody git
    does not trust, or when git is not installed.
    """
    with opened(path) as repo:
        yield Repository(repo)


def begin_repository(directory: Path, branch: str) -> None:
    """Make an empty repository of an existing directory, with no commit on its branch yet.

    UsageError when git is not installed.
    """
    module = import_git()
    with without_pointers():
        module.Repo.init(directory, initial_branch=branch, expand_vars=False).close()


def _inside(path: str) -> str:
    """Return `path` without dots and doubled slashes; the top is empty."""
    normal = posixpath.normpath(path)
    if posixpath.isabs(normal) or normal.split("/")[0] == "..":
        raise UsageError(f"{path!r} leads out of the repository", hint="Name a place inside it.")
    return "" if normal == "." else normal


def _told(sha: str, message: str) -> str:
    """Return the short hash and the start of the message of a commit, safe to print."""
    return f"{sha[:_SHORT]} {shortened(escaped(message), _SUMMARY_WIDTH)}".rstrip()


def _link(sha: str, parents: str, subject: str) -> Link:
    return Link(sha, _told(sha, subject), tuple(parents.split()))
