"""Records of noise: kept whole, sealed, and never taken for baselines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from builders import config, environment, record
from examinations import noise_record

from perfgate.baseline.hashes import profile_hash
from perfgate.baseline.noise import noise_path, read_noise, still_holds, write_noise
from perfgate.baseline.store import Store, write_record
from perfgate.baseline.tree import Files
from perfgate.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Law: what is written is read back, from the place of its profile and kind of machine."""
    path = write_noise(noise_record(), tmp_path)
    assert path == noise_path(tmp_path, "default", environment())
    assert read_noise(path) == noise_record()


def test_its_text_is_sorted(tmp_path: Path) -> None:
    """Keys stand in order, one figure a line, so that a change shows as one."""
    lines = write_noise(noise_record(), tmp_path).read_text().splitlines()
    keys = [line.split('"')[1] for line in lines if line.startswith('  "')]
    assert keys == sorted(keys)


def test_where_nothing_is_kept(tmp_path: Path) -> None:
    """Without a record there is none, and that is no error."""
    assert read_noise(noise_path(tmp_path, "default", environment())) is None


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"sd": 0.006', '"sd": 0.001', "does not match its checksum"),
        ('"sessions": 12', '"sessions": "many"', "sessions: "),
        ("perfgate.noise/1", "perfgate.noise/9", "none later than perfgate.noise/1"),
        ("{", "", "not a record of noise"),
    ],
)
def test_a_damaged_record_is_an_error(tmp_path: Path, old: str, new: str, told: str) -> None:
    """What was edited by hand or cannot be read is never taken for noise, nor skipped."""
    path = write_noise(noise_record(), tmp_path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(StoreError, match=told):
        read_noise(path)


def test_it_is_not_taken_for_a_baseline(tmp_path: Path) -> None:
    """Law: records of noise are no records of baselines, even of a profile called noise."""
    write_noise(noise_record(), tmp_path)
    store = Store(Files(tmp_path.parent), tmp_path.name)
    assert store.paths() == []
    path = write_record(record(profile="noise"), tmp_path)
    assert store.paths() == [f"{tmp_path.name}/noise/{path.name}"]
    assert read_noise(noise_path(tmp_path, "default", environment())) is not None


def test_a_profile_that_is_no_name(tmp_path: Path) -> None:
    """A profile cannot lead out of the store."""
    with pytest.raises(StoreError, match="cannot name a directory"):
        noise_path(tmp_path, "../elsewhere", environment())


def test_it_holds_for_its_own_sessions() -> None:
    """More looks change no session; a shorter session, or another service, is another noise."""
    profiles = {"default": {}, "looks": {"looks": [4, 12]}, "short": {"split_s": 1.0}}
    held = config(profiles=profiles).profiles
    made = noise_record(profile_hash=profile_hash(held["default"]))
    assert still_holds(made, "auth", held["looks"])
    assert not still_holds(made, "auth", held["short"])
    assert not still_holds(made, "mail", held["default"])
