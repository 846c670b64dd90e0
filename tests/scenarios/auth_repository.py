"""A repository with real commits of the auth service, and perfgate run in it as a user runs it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import perfgate

PACKAGE = Path(perfgate.__file__).parent
PROJECT = PACKAGE.parent

CONFIG = """\
service = "auth"

[target]
start = "{python} -m authsvc --port {port} --data-dir {data_dir}"

[load]
locustfile = "locustfiles/auth.py"
identities = 24

[profiles.default]
demand_s = 6.0
split_s = 3.0
saturation_s = 1.2
saturation_concurrency = 24
pairs = 80

[slo.introspect]
p95_ms = 1000.0
"""

LEDGER = """\
format = "perfgate.demand/1"

[[dependent]]
name = "api-gateway"
peak_rps = 40.0
mix = { introspect = 0.80, token = 0.10, jwks = 0.05, refresh = 0.05 }
timeout_s = 1.0
attempts = 2

[[dependent]]
name = "dashboard"
peak_rps = 5.0
mix = { introspect = 0.90, login = 0.10 }
timeout_s = 2.0
"""

TOKEN_ANCHOR = '    grant_type = required(form, "grant_type")\n'
# In the test repository a token's state is a round trip away, as it would be in production.
ANCHOR = "    asked = await read_form(request)\n"
ROUND_TRIP = "    await asyncio.sleep(0.002)\n"
BASE = f"    import asyncio\n\n{ROUND_TRIP}{ANCHOR}"

KEYS_ANCHOR = '    """Publish the key that verifies access tokens (RFC 7517)."""\n'

VARIANTS = {
    "same behaviour": (ANCHOR, f"    # Read the form first.\n{ANCHOR}"),
    "dearer": (
        ANCHOR,
        "    from argon2.low_level import Type, hash_secret_raw\n\n"
        "    hash_secret_raw(b'pepper-pepper', b'salt-salt-salt', 1, 512, 1, 16, Type.ID)\n"
        f"{ANCHOR}",
    ),
    "waits": (ROUND_TRIP, "    await asyncio.sleep(0.022)\n"),
    "serialised": (
        ROUND_TRIP,
        "    state = request.app.state\n"
        "    state.lock = getattr(state, 'lock', None) or asyncio.Lock()\n"
        "    async with state.lock:\n"
        f"    {ROUND_TRIP}",
    ),
    "crashes": (
        ANCHOR,
        "    import os\n\n"
        "    request.app.state.served = getattr(request.app.state, 'served', 0) + 1\n"
        "    if request.app.state.served > 400:\n"
        "        print('out of file descriptors', flush=True)\n"
        "        os._exit(7)\n"
        f"{ANCHOR}",
    ),
    # One operation of five, and a rare one.
    "dearer keys": (
        KEYS_ANCHOR,
        f"{KEYS_ANCHOR}"
        "    import hashlib\n\n"
        "    hashlib.pbkdf2_hmac('sha256', b'pepper', b'salt', 1000)\n",
    ),
    "short wait": (ROUND_TRIP, "    await asyncio.sleep(0.012)\n"),
    "a few errors": (
        ANCHOR,
        "    state = request.app.state\n"
        "    state.asked = getattr(state, 'asked', 0) + 1\n"
        "    if state.asked % 100 == 0:\n"
        "        return answer({'error': 'server_error'}, 500)\n"
        f"{ANCHOR}",
    ),
    "sheds load": (
        f"{ROUND_TRIP}{ANCHOR}",
        "    state = request.app.state\n"
        "    state.inside = getattr(state, 'inside', 0) + 1\n"
        "    try:\n"
        f"    {ROUND_TRIP}"
        "        if state.inside > 12:\n"
        "            return answer({'error': 'temporarily_unavailable'}, 503)\n"
        "    finally:\n"
        "        state.inside -= 1\n"
        f"{ANCHOR}",
    ),
    "constant token": (
        TOKEN_ANCHOR,
        f"{TOKEN_ANCHOR}"
        "    if grant_type == 'client_credentials':\n"
        "        state = request.app.state\n"
        "        if not hasattr(state, 'cached'):\n"
        "            state.cached = await GRANTS[grant_type](service, client, form)\n"
        "        return answer({**state.cached, 'scope': form.get('scope', '')})\n",
    ),
    "never ready": (
        '    return answer({"ready": is_ready}, 200 if is_ready else 503)\n',
        "    print('waiting for the migration', flush=True)\n"
        '    return answer({"ready": False}, 503)\n',
    ),
    # Introspection takes 4 ms more CPU time at first, and 0.5 ms less after every second.
    "slow start": (
        ANCHOR,
        "    state = request.app.state\n"
        "    state.born_s = getattr(state, 'born_s', None) or time.monotonic()\n"
        "    cold = max(0.0, 1 - (time.monotonic() - state.born_s) / 8)\n"
        "    until_s = time.thread_time() + 0.004 * cold\n"
        "    while time.thread_time() < until_s:\n"
        "        pass\n"
        f"{ANCHOR}",
    ),
    "leaks": (
        ANCHOR,
        "    state = request.app.state\n"
        "    state.kept = getattr(state, 'kept', [])\n"
        "    state.kept.append(b'x' * 16384)\n"
        f"{ANCHOR}",
    ),
    "wrong body": (ANCHOR, f"    return answer({{'active': False}})\n{ANCHOR}"),
}


@dataclass(frozen=True)
class Finished:
    """A perfgate run that has ended."""

    code: int
    out: str
    err: str

    @property
    def verdict(self) -> dict[str, Any]:
        """The verdict, where it was printed as JSON."""
        document: dict[str, Any] = json.loads(self.out)
        return document

    @property
    def reason(self) -> str:
        """The first reason."""
        return str(self.verdict["reason"])


class ServiceRepository:
    """A git repository that holds a service and is described to perfgate."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.base = ""
        self.cache = root.parent / "cache"
        self.temporary = root.parent / "tmp"
        self.temporary.mkdir(parents=True)

    def begin(self, message: str) -> None:
        """Make what is there the base commit."""
        (self.root / ".gitignore").write_text("__pycache__/\n")
        self.git("init", "--quiet", "--initial-branch=main")
        self.base = self.commit(message)

    def git(self, *words: str) -> str:
        """Run git in the repository and return what it prints."""
        identity = ("-c", "user.name=Dev", "-c", "user.email=dev@example.org")
        done = subprocess.run(
            ("git", *identity, *words), cwd=self.root, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(self, message: str) -> str:
        """Commit everything and return the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")

    def replace(self, path: str, old: str, new: str) -> None:
        """Replace text that stands once in a file."""
        file = self.root / path
        text = file.read_text()
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path}"
        file.write_text(text.replace(old, new))

    def environ(self) -> dict[str, str]:
        """Return the environment perfgate runs in: its own cache and temporary files."""
        own = {"XDG_CACHE_HOME": str(self.cache), "TMPDIR": str(self.temporary)}
        return {**os.environ, **own}

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start perfgate in the repository."""
        return subprocess.Popen(
            (sys.executable, "-m", "perfgate", *words),
            cwd=self.root,
            env=self.environ(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def perfgate(self, *words: str) -> Finished:
        """Run perfgate in the repository to its end."""
        process = self.start(*words)
        out, err = process.communicate(timeout=500)
        return Finished(process.returncode, out, err)

    def check(self, *words: str) -> Finished:
        """Run ``perfgate check`` against the base commit, with the verdict as JSON."""
        return self.perfgate("check", "--base", self.base, "--format", "json", *words)

    def left_behind(self) -> list[str]:
        """Return what a run has left: temporary files, worktrees, processes of the service."""
        left = [str(path) for path in self.temporary.iterdir()]
        left += self.git("worktree", "list").splitlines()[1:]
        for directory in Path("/proc").glob("[0-9]*"):
            try:
                command = (directory / "cmdline").read_bytes().decode(errors="replace")
                environ = (directory / "environ").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if str(self.temporary) in command + environ:
                left.append(command.replace("\0", " "))
        return left


class AuthRepository(ServiceRepository):
    """A git repository that holds the auth service."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        shutil.copytree(
            PACKAGE / "demo", root / "authsvc", ignore=shutil.ignore_patterns("__pycache__")
        )
        (root / "locustfiles").mkdir()
        shutil.copy(PROJECT / "locustfiles" / "auth.py", root / "locustfiles")
        (root / "perfgate.toml").write_text(CONFIG)
        (root / "demand.toml").write_text(LEDGER)
        self.replace("authsvc/app.py", ANCHOR, BASE)
        self.begin("Serve tokens")

    def vary(self, variant: str) -> str:
        """Commit a variant of the service on top of the base."""
        self.replace("authsvc/app.py", *VARIANTS[variant])
        return self.commit(variant)
