"""Laws of how builds are started, and ended, together."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from target_programs import config, write_program

from perfgate.build.provide import Build
from perfgate.startup import Launch, await_ready, start_builds

if TYPE_CHECKING:
    from pathlib import Path

    from perfgate.measurement.models import BuildRole

# Ends only when the other one is asked to end, too.
SOCIABLE = """
def end(*_):
    pathlib.Path({own!r}).touch()
    while not os.path.exists({other!r}):
        time.sleep(0.01)
    os._exit(0)
signal.signal(signal.SIGTERM, end)
serve()
"""


def build_of(directory: Path, own: Path, other: Path) -> Build:
    """Return a build that touches ``own`` when it is asked to end, and waits for ``other``."""
    directory.mkdir()
    write_program(directory, SOCIABLE.format(own=str(own), other=str(other)))
    return Build(directory.name, directory, None, dirty=False, label=directory.name)


def test_builds_end_side_by_side(tmp_path: Path) -> None:
    """Law: all are asked to end before one is waited for, so ending takes as long as the longest.

    Either waits for the other; one asked after the other's end would let it be killed.
    """
    one, other = tmp_path / "one", tmp_path / "other"
    builds: dict[BuildRole, Build] = {
        "base": build_of(tmp_path / "a", one, other),
        "candidate": build_of(tmp_path / "b", other, one),
    }
    with ExitStack() as stack:
        launch = Launch(config(stop_timeout_s=20), None, tmp_path)
        started = start_builds(launch, builds, stack)
        await_ready(started, builds)

    assert [target.exit_code() for target in started.targets.values()] == [0, 0]
