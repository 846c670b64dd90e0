"""``perfgate init``: a service that nobody has described yet."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from cli.command_line import PERFGATE

if TYPE_CHECKING:
    from pathlib import Path

SPEC = {
    "paths": {
        "/items/{id}": {"get": {"operationId": "readItem"}},
        "/me": {"get": {"operationId": "me"}},
    }
}
SERVICE = """\
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from known import KNOWN


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = KNOWN.get(self.path, "").encode()
        self.send_response(200 if body else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
NODE = {
    "package.json": '{"scripts": {"start": "node server.js"}}',
    "server.js": """\
const serve = (request, response) => {
  response.writeHead(request.url === "/" ? 200 : 404);
  response.end();
};
require("http").createServer(serve).listen(process.env.PORT, "127.0.0.1");
""",
}
STARLETTE = {
    "app.py": """\
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

app = Starlette(routes=[Route("/", lambda request: PlainTextResponse("hello"))])
"""
}
SERVICES = [
    (NODE, "env PORT={port} node server.js", "node"),
    (STARLETTE, "{python} -m uvicorn app:app --host 127.0.0.1 --port {port}", "python3"),
]
KNOWN = {"/openapi.json": json.dumps(SPEC), "/health": "ok", "/items/1": "an item"}
DESCRIBED = {
    *("service.py", "known.py", "Procfile"),
    *("perfgate.toml", "demand.toml", "locustfile.py", ".github"),
}
PROCFILE = "web: python3 service.py\n"


def perfgate(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run perfgate as a process."""
    return subprocess.run((PERFGATE, *words), cwd=root, capture_output=True, text=True, check=False)


@pytest.fixture
def newcomer(tmp_path: Path) -> Path:
    """Return a repository with a service, and nothing of perfgate."""
    root = tmp_path / "shop"
    root.mkdir()
    (root / "service.py").write_text(SERVICE)
    (root / "known.py").write_text(f"KNOWN = {KNOWN}\n")
    (root / "Procfile").write_text(PROCFILE)
    subprocess.run(("git", "init", "--quiet", root), check=True)
    return root


def files_in(root: Path) -> set[str]:
    """Return what lies there but for git's own files, directories by their names."""
    return {path.name for path in root.iterdir()} - {".git"}


def test_a_service_is_described(newcomer: Path) -> None:
    """It is started, asked what it serves, and described; what refuses is told and left out.

    Nothing else is left there: no bytecode of the service either.
    """
    done = perfgate(newcomer, "init", "--no-check")
    assert done.returncode == 0, done.stderr
    assert "GET /items/1: status 200" in done.stderr
    assert "GET /me: status 401, left out" in done.stderr
    config = (newcomer / "perfgate.toml").read_text()
    assert 'start = "env PORT={port} python3 service.py"' in config
    assert 'ready = "/health"' in config
    assert files_in(newcomer) == DESCRIBED
    assert perfgate(newcomer, "demand", "show").returncode == 0


def test_a_description_that_is_not_read(newcomer: Path) -> None:
    """An OpenAPI file in YAML is told to be left, where the service does not describe itself."""
    (newcomer / "known.py").write_text('KNOWN = {"/health": "ok"}\n')
    (newcomer / "openapi.yaml").write_text("openapi: 3.1.0\n")
    assert "openapi.yaml: is not read" in perfgate(newcomer, "init", "--no-check").stderr


@pytest.mark.parametrize(("files", "start", "needs"), SERVICES, ids=["node", "starlette"])
def test_frameworks(tmp_path: Path, files: dict[str, str], start: str, needs: str) -> None:
    """A service of each is started as its repository says, and described by what it answers."""
    if shutil.which(needs) is None:
        pytest.skip(f"{needs} is not installed")
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    done = perfgate(tmp_path, "init", "--no-check")
    assert done.returncode == 0, done.stderr
    assert f"it starts: {start}  (" in done.stderr
    assert "GET /: status 200" in done.stderr
    assert 'self.client.get("/", name="home")' in (tmp_path / "locustfile.py").read_text()


def test_what_is_there_stays(newcomer: Path) -> None:
    """A file that somebody has written is not touched, and a second time is refused."""
    (newcomer / "demand.toml").write_text("# mine\n")
    assert "stays as it is" in perfgate(newcomer, "init", "--no-check").stderr
    assert (newcomer / "demand.toml").read_text() == "# mine\n"
    again = perfgate(newcomer, "init")
    assert again.returncode == 2
    assert "perfgate.toml and demand.toml are here already" in again.stderr


def test_a_service_that_does_not_start(newcomer: Path) -> None:
    """Its last words are shown, with the command and what to do; nothing is written."""
    (newcomer / "service.py").write_text("raise SystemExit('no database')\n")
    done = perfgate(newcomer, "init")
    assert done.returncode == 5
    assert "no database" in done.stderr
    assert "env PORT={port} python3 service.py  (Procfile, web)" in done.stderr
    assert not (newcomer / "perfgate.toml").exists()


def test_where_it_is_ready_can_be_named(newcomer: Path) -> None:
    """A service that answers 2xx at no usual place is described by the one that is named."""
    (newcomer / "known.py").write_text('KNOWN = {"/log/in": "who are you?"}\n')
    refused = perfgate(newcomer, "init", "--no-check")
    assert refused.returncode == 5
    assert "nowhere with 2xx: status 401 at /healthz" in refused.stderr
    assert "--ready /PATH" in refused.stderr
    assert perfgate(newcomer, "init", "--no-check", "--ready", "log/in").returncode == 0
    assert 'ready = "/log/in"' in (newcomer / "perfgate.toml").read_text()


def test_nothing_to_start(tmp_path: Path) -> None:
    """Where nothing tells how to start, one is asked to name the command."""
    done = perfgate(tmp_path, "init")
    assert done.returncode == 2
    assert "perfgate init --start" in done.stderr


@pytest.mark.slow
@pytest.mark.nightly
def test_the_first_gate(newcomer: Path) -> None:
    """It ends with a verdict on the service as it is, and says what comes next."""
    done = perfgate(newcomer, "init")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "$ perfgate check --budget quick" in done.stdout
    assert "perfgate baseline accept ../first.json" in done.stdout
    assert files_in(newcomer) == DESCRIBED
