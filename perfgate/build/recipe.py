"""A build command passes through, and is run in a directory until it is done or has failed.

Where the directory comes from, and whether it is kept, is decided elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perfgate.build import shepherd
from perfgate.errors import TargetError, UsageError
from perfgate.scrub import scrubbed
from perfgate.tail import LINES, escaped, shortened, tail_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import IO

    from perfgate.config.models import Target

_KILLED = 137
_STOP_S = 10.0
_KEY_LENGTH = 16


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a directory becomes a build.

    ``argv`` is empty where nothing has to be run; ``key`` differs when the outcome may.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    timeout_s: float
    key: str

    @property
    def shown(self) -> str:
        """The command as one types it, safe to print."""
        return shortened(escaped(shlex.join(self.argv)))


def read_recipe(target: Target, environ: Mapping[str, str]) -> Recipe:
    """Return the recipe of `target`; ``{python}`` in its command is the interpreter running now.

    The environment is scrubbed, but keeps HOME: compilers have their caches there. The key covers
    the command, ``env`` and the values of ``pass_env``. UsageError when the command cannot be
    split like a shell would.
    """
    argv = _split(target.build or "")
    environment = scrubbed(environ, pass_env=(*target.pass_env, "HOME"), extra=target.env)
    given = {name: environment.get(name) for name in (*target.env, *target.pass_env)}
    written = json.dumps([argv, given], sort_keys=True)
    key = hashlib.sha256(written.encode()).hexdigest()[:_KEY_LENGTH]
    return Recipe(argv, environment, target.build_timeout_s, key)


def run_recipe(recipe: Recipe, directory: Path, label: str) -> None:
    """Run the recipe's command in `directory`; nothing it started is left when this returns.

    TargetError, naming `label` and showing the end of the command's log, when it cannot be found
    or run, does not end in time, or ends with any code but 0.
    """
    if not recipe.argv:
        return
    _refuse_missing(recipe, directory, label)
    # A file without a name: it can be long, and not even a kill leaves it behind.
    with tempfile.TemporaryFile() as log:
        code = _run(recipe, directory, log)
        if code != 0:
            raise _failure(recipe, label, code, tail_of(log.fileno(), LINES))


def _split(command: str) -> tuple[str, ...]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(
            f"target.build: {command!r} cannot be split into words: {error}",
            hint="Close every quote.",
        ) from error
    return tuple(word.replace("{python}", sys.executable) for word in words)


def _refuse_missing(recipe: Recipe, directory: Path, label: str) -> None:
    program = recipe.argv[0]
    path = recipe.environment.get("PATH", os.defpath)
    wanted = str(directory / program) if "/" in program else program
    if shutil.which(wanted, path=path) is None:
        raise TargetError(
            f"{label}: build command not found: {recipe.shown}",
            hint=f"{escaped(program)} must be an executable file on PATH, or have a path from the "
            "project's directory. The command is run without a shell: for one, write "
            "sh -c '...'.",
        )


def _run(recipe: Recipe, directory: Path, log: IO[bytes]) -> int | None:
    """Return the exit code, None when time ran out."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", shepherd.__file__, str(os.getpid()), *recipe.argv],
        cwd=directory,
        env=dict(recipe.environment),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        # The terminal's Ctrl-C reaches us alone, and we stop the build in good order.
        start_new_session=True,
    )
    try:
        return process.wait(recipe.timeout_s)
    except subprocess.TimeoutExpired:
        return None
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _failure(recipe: Recipe, label: str, code: int | None, log: tuple[str, ...]) -> TargetError:
    ending = (
        f"did not end within {recipe.timeout_s:g} s"
        if code is None
        else f"ended with exit code {code}"
    )
    shown = "".join(f"\n  | {line}" for line in log) or "\n  (it printed nothing)"
    return TargetError(
        f"{label}: build command {ending}: {recipe.shown}{shown}", hint=_hint_for(code)
    )


def _hint_for(code: int | None) -> str:
    if code is None:
        return "Raise target.build_timeout_s, or make the build faster."
    if code == _KILLED:
        return "Something killed it (SIGKILL): mostly, the machine is out of memory."
    return (
        "Run the command by hand in a clean checkout. It sees only HOME, the variables perfgate "
        "lets through, target.env and those named in target.pass_env."
    )
