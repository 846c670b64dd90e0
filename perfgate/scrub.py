"""An environment passes through and comes out with only what a build may see.

It starts nothing and reads no environment of its own: the caller hands one in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfgate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# What programs need to be found, to speak the user's language, to tell the time, to trust
# certificates, and to leave no bytecode where none is wanted. HOME is not among them: whether a
# program may see the real one is the caller's call.
ALLOWED_NAMES = frozenset(
    {
        "LANG",
        "LANGUAGE",
        "LD_LIBRARY_PATH",
        "LOGNAME",
        "PATH",
        "PYTHONDONTWRITEBYTECODE",
        "REQUESTS_CA_BUNDLE",
        "SHELL",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
        "TMPDIR",
        "TZ",
        "USER",
        "VIRTUAL_ENV",
    }
)
ALLOWED_PREFIXES = ("LC_",)

# A job reads its outcome back from files named by these: whoever sees them can write "pass".
REFUSED_PREFIXES = ("ACTIONS_", "GITHUB_", "INPUT_", "RUNNER_")


def scrubbed(
    environ: Mapping[str, str],
    *,
    pass_env: Iterable[str] = (),
    extra: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return a new environment of allowed variables, those in `pass_env`, and `extra` on top.

    A name in `pass_env` that is not set stays unset. ``GITHUB_*``, ``ACTIONS_*``, ``INPUT_*`` and
    ``RUNNER_*`` are never passed on: naming one is a UsageError, as is a name or a value that no
    process can be given.
    """
    wanted = frozenset(pass_env)
    for name in sorted(wanted):
        _refuse_channel(name)
    kept = {name: value for name, value in environ.items() if name in wanted or _is_allowed(name)}
    for name, value in (extra or {}).items():
        _refuse_malformed(name, value)
        kept[name] = value
    return kept


def _is_allowed(name: str) -> bool:
    return name in ALLOWED_NAMES or name.startswith(ALLOWED_PREFIXES)


def _refuse_channel(name: str) -> None:
    if name.upper().startswith(REFUSED_PREFIXES):
        raise UsageError(
            f"pass_env: {name} is never passed on: a build could change the job through it",
            hint="Give the value it needs under a name of its own, and pass that one.",
        )


def _refuse_malformed(name: str, value: str) -> None:
    if not name or "=" in name or "\0" in name or "\0" in value:
        raise UsageError(
            f"env: {name!r} = {value!r} cannot be a variable of a process",
            hint="A name is not empty and has no '='; neither side holds a NUL character.",
        )
