"""A URL passes through and becomes a target that runs already: nothing is started or ended.

Nothing is known of its processes, and nothing is made up: whoever judges must know that.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from perfgate.errors import TargetError
from perfgate.procfs import NO_PROCESS
from perfgate.target.ports import Holder
from perfgate.target.readiness import ask
from perfgate.target.running import TargetHealth, ready_url_of

if TYPE_CHECKING:
    from pathlib import Path

    from perfgate.config.models import Target

_POLL_S = 0.1
_LONGEST_ANSWER_S = 1.0
_HTTP_PORT = 80


class ReachedTarget:
    """A service that somebody else has started, and will end."""

    pid = NO_PROCESS

    def __init__(self, name: str, url: str, target: Target, log: Path) -> None:
        self.name, self.url, self.log = name, url, log
        self.port = urlsplit(url).port or _HTTP_PORT
        self.ready_url = ready_url_of(target, url, self.port)
        self._timeout_s = target.ready_timeout_s

    def wait_until_ready(self) -> float:
        """Ask until it answers 2xx; return for how many seconds.

        Raises TargetError, with the last answer, when ``ready_timeout_s`` passes without.
        """
        begun_s = time.monotonic()
        while not (answer := ask(self.ready_url, _LONGEST_ANSWER_S)).ok:
            if time.monotonic() - begun_s > self._timeout_s:
                raise TargetError(
                    f"{self.name}: not ready within {self._timeout_s:g} s: {self.ready_url} gave "
                    f"no 2xx (last answer: {answer.told})",
                    hint="Nothing is started for target.url: start the service first; target.ready "
                    "names a path of it that answers 2xx.",
                )
            time.sleep(_POLL_S)
        return time.monotonic() - begun_s

    def listener(self) -> Holder:
        """Return its own: whoever answers there is what was asked for."""
        return Holder.OWN

    def members(self) -> tuple[int, ...]:
        """Return none that is known."""
        return ()

    def exit_code(self) -> int | None:
        """Return None: nobody here sees it end; that it answers no more shows in the load."""
        return None

    def observe(self) -> TargetHealth:
        """Return that nothing is known to be wrong with it."""
        return TargetHealth(
            alive=True, exit_code=None, peak_rss_bytes=0, processes=0, cpu_s=0.0, lost=0, strayed=()
        )

    def ask_to_end(self) -> None:
        """Do nothing: whoever has started it ends it."""
