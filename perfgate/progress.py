"""What the line says of itself while it runs: a protocol, so that the core knows no terminal."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Hears what is being measured and what is known so far; expected times are in seconds."""

    def stage(self, what: str, expected_s: float) -> None:
        """Hear that a stage begins."""

    def learned(self, what: str) -> None:
        """Hear what a stage has shown."""

    def tick(self) -> None:
        """Hear a few times a second that the stage goes on."""


class Silence:
    """A progress nobody listens to."""

    def stage(self, what: str, expected_s: float) -> None:
        """Say nothing."""

    def learned(self, what: str) -> None:
        """Say nothing."""

    def tick(self) -> None:
        """Do nothing."""
