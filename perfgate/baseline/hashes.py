"""What a measurement was made from becomes short hashes: equal where nothing that matters differs.

Nothing is read here, and nothing compared.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perfgate.config.models import Config, Profile
    from perfgate.demand.ledger import Ledger


def profile_hash(profile: Profile) -> str:
    """Return a hash of what a session of the profile is: of all its values but the looks."""
    return _hash_of(profile.model_dump(mode="json", exclude={"looks"}))


def config_hash(config: Config) -> str:
    """Return a hash of all that is configured, but for what each run may choose: looks and seed."""
    written = config.model_dump(mode="json", exclude={"load": {"seed"}})
    for profile in written["profiles"].values():
        profile.pop("looks")
    return _hash_of(written)


def ledger_hash(ledger: Ledger) -> str:
    """Return a hash of all that the ledger says."""
    return _hash_of(ledger.model_dump(mode="json"))


def short_hash(content: bytes) -> str:
    """Return what tells it from any other."""
    return hashlib.sha256(content).hexdigest()[:16]


def _hash_of(values: Mapping[str, Any]) -> str:
    return short_hash(json.dumps(values, sort_keys=True).encode())
