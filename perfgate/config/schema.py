"""The models of the configuration become a JSON Schema that editors understand.

It does not check files: laws between fields are told only by :mod:`perfgate.config.load`.
"""

from __future__ import annotations

from perfgate.config.models import Config
from perfgate.tomlfile import schema_of


def config_schema() -> dict[str, object]:
    """Return the JSON Schema (draft 2020-12) of ``perfgate.toml``."""
    return schema_of(Config, "perfgate.toml")
