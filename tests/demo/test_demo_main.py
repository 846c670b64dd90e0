"""The service as a process: start, restart, stop, options, and as a copy elsewhere."""

from __future__ import annotations

import ast
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from running_service import BILLING, GATEWAY, Running, running

import perfgate.demo
from perfgate.demo.__main__ import parser
from perfgate.demo.settings import Settings, database_path, key_path

SOURCES = sorted(Path(perfgate.demo.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_the_service_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    """SIGTERM and SIGINT end the process with status 0, although a caller stays connected."""
    with running(tmp_path) as service:
        service.process.send_signal(number)

        assert service.process.wait(20) == 0
        assert service.log.read_text() == ""


def test_clean_exit_leaves_one_database_file(tmp_path: Path) -> None:
    """Closing the database folds the write-ahead log into it."""
    with running(tmp_path) as service:
        service.login()
        service.stop()

        assert sorted(path.name for path in service.directory.iterdir()) == [
            database_path(service.directory).name,
            key_path(service.directory).name,
        ]


def test_tokens_outlive_a_restart(tmp_path: Path) -> None:
    """With the same directory, and on another port, all tokens are as valid as before."""
    with running(tmp_path) as before:
        login = before.login()
        revoked = before.tokens(BILLING, grant_type="client_credentials")["access_token"]
        before.post("/revoke", BILLING, token=revoked)
        keys = before.http.get("/jwks").json()
        before.stop()
    with running(tmp_path) as after:
        assert after.http.get("/jwks").json() == keys
        assert after.introspect(login["access_token"])["active"] is True
        assert after.introspect(revoked) == {"active": False}
        assert after.refresh(login["refresh_token"]).status_code == 200


def test_tokens_outlive_a_kill(tmp_path: Path) -> None:
    """What was answered has been committed: SIGKILL loses no login."""
    with running(tmp_path) as before:
        login = before.login()
        before.process.kill()
        before.process.wait()
    with running(tmp_path) as after:
        assert after.introspect(login["access_token"])["active"] is True
        assert after.refresh(login["refresh_token"]).status_code == 200


def test_database_is_in_wal_mode_and_secrets_are_private(tmp_path: Path) -> None:
    """Readers never wait for a writer, and the files are their owner's alone."""
    with running(tmp_path) as service:
        with sqlite3.connect(database_path(service.directory)) as reader:
            (mode,) = reader.execute("PRAGMA journal_mode").fetchone()
        reader.close()
        modes = {stat.S_IMODE(path.stat().st_mode) for path in service.directory.iterdir()}

    assert mode == "wal"
    assert modes == {0o600}


def test_no_token_is_stored_in_clear(tmp_path: Path) -> None:
    """Who steals the database gets no token and no password out of it."""
    with running(tmp_path) as service:
        login = service.login()
        service.stop()
        kept = database_path(service.directory).read_bytes()

    assert b"user-000" in kept
    for secret in (login["refresh_token"], login["access_token"], "open-sesame", "billing-secret"):
        assert secret.encode() not in kept


def test_package_runs_when_copied_out(tmp_path: Path) -> None:
    """Under another name and without perfgate beside it, it is the same service."""
    shutil.copytree(SOURCES[0].parent, tmp_path / "authservice")

    with running(tmp_path, module="authservice") as service:
        assert service.introspect(service.login()["access_token"], GATEWAY)["active"] is True


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_package_imports_nothing_of_the_gate(source: Path) -> None:
    """Each import of our own is relative to the package and stays within it."""
    for node in ast.walk(ast.parse(source.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level <= 1
            assert not (node.module or "").startswith("perfgate")
        if isinstance(node, ast.Import):
            assert not any(name.name.startswith("perfgate") for name in node.names)


def test_start_imports_nothing_heavy() -> None:
    """What the service does not need does not delay its start."""
    script = "import sys, perfgate.demo.__main__; sys.stdout.write(' '.join(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, env={}
    ).stdout.split()

    assert "starlette.applications" in loaded
    assert not {"pydantic", "numpy", "pandas", "locust", "httpx"} & set(loaded)


def test_every_setting_is_an_option_and_a_variable() -> None:
    """An option beats its variable, a variable beats the default."""
    base = ["--port", "1", "--data-dir", "d"]
    environment = {"AUTH_ACCESS_LIFETIME_S": "5", "AUTH_ISSUER": "https://a.example", "PATH": ""}

    plain = parser({}).parse_args(base)
    varied = parser(environment).parse_args(base)
    chosen = parser(environment).parse_args([*base, "--access-lifetime-s", "7"])

    assert plain.access_lifetime_s == Settings().access_lifetime_s
    assert (varied.access_lifetime_s, varied.issuer) == (5, "https://a.example")
    assert chosen.access_lifetime_s == 7


@pytest.mark.parametrize("value", ["0", "-1", "soon", "1.5", ""])
def test_senseless_settings_are_refused(tmp_path: Path, value: str) -> None:
    """A setting that is no positive whole number ends the start with the usage, wherever from."""
    ended = subprocess.run(
        [sys.executable, "-m", "perfgate.demo", "--port", "1", "--data-dir", str(tmp_path / "d")],
        check=False,
        capture_output=True,
        text=True,
        env={"PATH": os.defpath, "AUTH_USERS": value},
    )

    assert ended.returncode == 2
    assert "--users" in ended.stderr
    assert not (tmp_path / "d").exists()


def test_port_in_use_ends_the_start(tmp_path: Path) -> None:
    """A service that cannot listen says so and fails; it does not linger."""
    with running(tmp_path / "first") as service:
        ended = _start_beside(service, tmp_path / "second")

    assert ended.returncode != 0
    assert "address already in use" in ended.stderr


def _start_beside(service: Running, directory: Path) -> subprocess.CompletedProcess[str]:
    port = service.url.rpartition(":")[2].rstrip("/")
    return subprocess.run(
        [sys.executable, "-m", "perfgate.demo", "--port", port, "--data-dir", str(directory)],
        check=False,
        capture_output=True,
        text=True,
        env={},
        timeout=30,
    )
