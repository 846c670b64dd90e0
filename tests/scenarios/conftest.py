"""Each scenario gets a repository of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scenarios.auth_repository import AuthRepository

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def repository(tmp_path: Path) -> AuthRepository:
    """Return a fresh repository of the auth service at its base commit."""
    return AuthRepository(tmp_path / "auth service")
