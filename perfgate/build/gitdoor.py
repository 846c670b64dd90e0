"""A path comes in, and the git repository around it goes out, opened so that it does no harm.

This is the only module that imports git; what is asked of a repository is said elsewhere.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perfgate.errors import NoRepositoryError, UsageError
from perfgate.tail import escaped, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator

    import git

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
MORE = "`git status` and `git fsck` tell more; a new clone is whole."
_ENVIRONMENT = {
    "GIT_LITERAL_PATHSPECS": "1",  # a path is a path, never a pattern
    "GIT_OPTIONAL_LOCKS": "0",  # asking for the status must not write the user's index
    "GIT_TERMINAL_PROMPT": "0",  # a partial clone fetches what it lacks, and would ask
}


@contextmanager
def opened(path: Path) -> Iterator[git.Repo]:
    """Open the repository that contains `path`, and close it with everything git has running.

    Raises what :func:`perfgate.build.gitio.open_repository` raises.
    """
    module = import_git()
    with without_pointers():
        try:
            # Variables in a path stay as they are: a directory may well be called "$HOME".
            repo = module.Repo(path.resolve(), search_parent_directories=True, expand_vars=False)
        except (module.exc.InvalidGitRepositoryError, module.exc.NoSuchPathError) as error:
            raise _missing(path.resolve()) from error
        with repo:
            # GitPython expands variables in the directory commands run in all the same, and where
            # that is no directory runs them in ours: in another repository.
            repo.git.set_persistent_git_options(C=str(repo.working_dir), c=list(_SETTINGS))
            repo.git.update_environment(**_ENVIRONMENT)
            _refuse_unusable(repo)
            yield repo


def _missing(path: Path) -> UsageError:
    """Return why there is no repository around a path: there is none, or it is damaged."""
    for top in (path, *path.parents):
        git = top / ".git"
        if git.is_file() or (git / "objects").exists():
            return UsageError(f"{git} is no repository that git can read", hint=MORE)
    return NoRepositoryError(
        f"{path} is not in a git repository",
        hint="Run perfgate inside a clone, or name a directory instead of a ref.",
    )


def import_git() -> Any:  # noqa: ANN401 - a module whose exceptions are caught through it
    """Return GitPython's module; UsageError when there is no git that it could run."""
    try:
        import git  # noqa: PLC0415 - slow to load, and without a git binary it cannot be loaded
    except ImportError as error:
        raise NoRepositoryError(
            "git cannot be run", hint="Install git, and make sure that it is on PATH."
        ) from error
    return git


@contextmanager
def without_pointers() -> Iterator[None]:
    """Run a block without what git exports to its hooks."""
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
    errors = import_git().exc
    try:
        seen = repo.git.rev_parse("--show-toplevel")
    except errors.GitCommandNotFound as error:
        raise NoRepositoryError(
            "git cannot be run", hint="Install git, and make sure that it is on PATH."
        ) from error
    except errors.GitCommandError as error:
        raise _refusal(repo, error) from error
    if Path(text_of(seen)).resolve() != Path(str(repo.working_tree_dir)).resolve():
        raise UsageError(
            f"the working tree of {repo.working_tree_dir} lies at {seen}",
            hint="Run perfgate there, or unset core.worktree.",
        )


def _refusal(repo: git.Repo, error: git.GitCommandError) -> UsageError:
    words = words_of(error)
    top = str(repo.working_tree_dir)
    if "dubious ownership" in words:
        return UsageError(
            f"{top} belongs to another user, so git does not touch it",
            hint=f"If you trust it, run: git config --global --add safe.directory '{top}'",
        )
    return UsageError(f"git refuses {top}: {words}", hint=MORE)


def words_of(error: git.GitCommandError) -> str:
    """Return git's own complaint on one line, without GitPython's frame around it."""
    words = str(error.stderr).strip().removeprefix("stderr:").strip().strip("'").strip()
    return shortened(escaped(" ".join(words.split()))) or f"git exited with {error.status}"


def text_of(output: object) -> str:
    """Return what a git command printed; GitPython's types allow for more than ever comes."""
    return output if isinstance(output, str) else ""
