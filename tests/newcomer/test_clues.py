"""What a repository tells of how its service is started."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from perfgate.newcomer.clues import read_clues

if TYPE_CHECKING:
    from pathlib import Path

FASTAPI = "from fastapi import FastAPI\n\napp = FastAPI()\n"
FACTORY = "import flask\n\n\ndef create_app():\n    return flask.Flask(__name__)\n"


def lay(root: Path, files: dict[str, str]) -> None:
    """Write files below a directory."""
    for name, text in files.items():
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)


@pytest.mark.parametrize(
    ("files", "command"),
    [
        ({"main.py": FASTAPI}, "{python} -m uvicorn main:app --host 127.0.0.1 --port {port}"),
        (
            {"src/shop/api.py": FASTAPI},
            "env PYTHONPATH=src {python} -m uvicorn shop.api:app --host 127.0.0.1 --port {port}",
        ),
        (
            {"shop/__init__.py": FACTORY},
            "{python} -m flask --app shop:create_app run --host 127.0.0.1 --port {port}",
        ),
        (
            {"manage.py": "", "shop/wsgi.py": "", "requirements.txt": "django\n"},
            "{python} manage.py runserver --noreload 127.0.0.1:{port}",
        ),
        (
            {"manage.py": "", "shop/wsgi.py": "", "requirements.txt": "gunicorn\n"},
            "{python} -m gunicorn shop.wsgi --bind 127.0.0.1:{port}",
        ),
        ({"package.json": '{"scripts": {"start": "node a.js"}}'}, "env PORT={port} node a.js"),
        (
            {"package.json": '{"scripts": {"start": "tsc && node a.js"}}', "server.js": ""},
            "env PORT={port} node server.js",
        ),
        (
            {"Procfile": "worker: x\nweb: gunicorn app:app --bind 0.0.0.0:$PORT\n"},
            "gunicorn app:app --bind 127.0.0.1:{port}",
        ),
        ({"Procfile": "web: ./serve\n"}, "env PORT={port} ./serve"),
    ],
)
def test_the_likeliest_start(tmp_path: Path, files: dict[str, str], command: str) -> None:
    """Each usual way to say how a service starts is understood, without a shell."""
    lay(tmp_path, files)
    assert read_clues(tmp_path).starts[0].command == command


def test_what_is_not_the_service(tmp_path: Path) -> None:
    """Applications of tests, of other people and in broken files start nothing."""
    lay(
        tmp_path,
        {
            "tests/app.py": FASTAPI,
            "node_modules/x/app.py": FASTAPI,
            ".venv/lib/app.py": FASTAPI,
            "broken.py": "app = FastAPI(",
            "needy.py": "def create_app(config):\n    return Flask(config)\n",
            "package.json": "[",
        },
    )
    assert read_clues(tmp_path).starts == ()


def test_files_that_are_there(tmp_path: Path) -> None:
    """A Locust file and an OpenAPI document are found, those higher up first."""
    lay(tmp_path, {"docs/api/openapi.json": "{}", "openapi.json": "{}", "locustfiles/a.py": ""})
    clues = read_clues(tmp_path)
    assert (clues.locustfile, clues.spec) == ("locustfiles/a.py", "openapi.json")


def test_what_makes_a_checkout_fit(tmp_path: Path) -> None:
    """The file that pins what is installed tells with what."""
    assert read_clues(tmp_path).build == "make"
    lay(tmp_path, {"yarn.lock": ""})
    assert read_clues(tmp_path).build == "yarn install --frozen-lockfile"


def test_a_directory_without_clues(tmp_path: Path) -> None:
    """Nothing is guessed of nothing."""
    clues = read_clues(tmp_path)
    assert (clues.name, clues.starts, clues.locustfile) == (tmp_path.name, (), None)
