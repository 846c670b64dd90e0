"""An observation and the text of a ledger become the ledger's text with what was seen in it.

It writes nothing; where the figures come from is :mod:`perfgate.demand.sources`' to know.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import tomlkit
from tomlkit.items import InlineTable, SingleKey, Table

from perfgate.demand.demand import changes_in_force, peak_for
from perfgate.demand.ledger import parse_ledger
from perfgate.errors import UsageError
from perfgate.tomlfile import near_match
from perfgate.tomllines import key_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date
    from pathlib import Path

    from perfgate.demand.ledger import Dependent, Ledger
    from perfgate.demand.sources.observed import Observation, Observed

DIGITS = 4
LEAST_CV, MOST_CV = 0.01, 10.0
START = 'format = "perfgate.demand/1"\n'


@dataclass(frozen=True, slots=True)
class Terms:
    """What no source tells of a new dependent; None where nobody has told."""

    timeout_s: float | None = None
    attempts: int | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """The text that the ledger would have, and whom it changes and adds.

    ``lacking`` names the keys that new entries still need: with any the text is no ledger yet.
    """

    text: str
    updated: tuple[str, ...]
    added: tuple[str, ...]
    lacking: Mapping[str, tuple[str, ...]]
    remarks: tuple[str, ...]


def propose(path: Path, text: str, observation: Observation, terms: Terms) -> Proposal:
    """Return the ledger ``text`` with the figures of ``observation``; "" is a ledger to be.

    In entries that exist peak_rps, mix, source and measured_on are set; all else stays as it is
    written. The peak is such that the ledger's demand on the day of measuring is what was seen:
    calls per request, cache and changes in force are counted back. ``path`` names the file in
    errors. Raises FileFaultsError for a text that is no ledger, and UsageError for one that cannot
    be edited without moving its parts.
    """
    ledger = parse_ledger(path, text) if text else None
    edit = _Edit(path, text or START, ledger, observation)
    for seen in observation.dependents:
        edit.enter(seen, terms)
    proposal = edit.proposal()
    if not proposal.lacking:
        parse_ledger(path, proposal.text)
    return proposal


class _Edit:
    """A ledger while entries are set one by one."""

    def __init__(
        self, path: Path, text: str, ledger: Ledger | None, observation: Observation
    ) -> None:
        self._path, self._seen = path, observation
        self._has_mix = bool(ledger and ledger.default_mix)
        self._known = {one.name: one for one in ledger.dependents} if ledger else {}
        self._document: Any = tomlkit.parse(text)
        if self._document.as_string() != text:
            raise _immovable(path)
        self._rows = {row["name"]: row for row in self._document.get("dependent", [])}
        self._updated: list[str] = []
        self._lines: dict[str, list[str]] = {}
        self._blocks: dict[str, str] = {}
        self._lacking: dict[str, tuple[str, ...]] = {}
        self._remarks: list[str] = []

    def enter(self, seen: Observed, terms: Terms) -> None:
        """Set what was seen of one dependent, or add it."""
        if seen.name in self._known:
            self._update(seen)
        else:
            self._add(seen, terms)

    def proposal(self) -> Proposal:
        """Return what has come of it."""
        text = self._with_lines(self._document.as_string())
        if self._blocks:
            self._refuse_inline()
            text += "" if text.endswith("\n") else "\n"
            text += "".join(self._blocks.values())
        seen = {one.name for one in self._seen.dependents}
        unseen = self._known.keys() - seen - self._seen.told
        remarks = [*self._seen.remarks, *self._remarks, *self._strangers(unseen)]
        return Proposal(
            text, tuple(self._updated), tuple(self._blocks), self._lacking, tuple(remarks)
        )

    def _with_lines(self, text: str) -> str:
        """Return ``text`` with the keys that entries did not have, each after its peak_rps."""
        if not self._lines:
            return text
        line_of, lines = key_lines(text), text.split("\n")
        if not line_of:
            raise _immovable(self._path)
        for position, name in reversed(list(enumerate(self._rows))):
            if name in self._lines:
                line = line_of["dependent", position, "peak_rps"]
                peak = lines[line - 1]
                indent = peak[: len(peak) - len(peak.lstrip())]
                # In a file of Windows' the end of a line is there too.
                end = "\r" if peak.endswith("\r") else ""
                lines[line:line] = [f"{indent}{added}{end}" for added in self._lines[name]]
        return "\n".join(lines)

    def _update(self, seen: Observed) -> None:
        entry = self._known[seen.name]
        peak = peak_for(entry, seen.peak_rps, self._seen.measured_on)
        if peak is None:
            self._remarks.append(
                f"{seen.name}: is left as it is: its cache or its planned changes do not go with "
                f"the {_rounded(seen.peak_rps)}/s that were seen"
            )
            return
        row = self._rows[seen.name]
        before = row.as_string()
        self._put(seen.name, "peak_rps", _rounded(peak))
        if planned := _given_mix(entry, self._seen.measured_on):
            self._remarks.append(f'{seen.name}: its mix is left as "{planned}" gives it')
        elif seen.mix and dict(seen.mix) != entry.mix:
            self._put_mix(seen.name, seen.mix)
        self._put(seen.name, "source", self._seen.source)
        self._put(seen.name, "measured_on", _like(row.get("measured_on"), self._seen.measured_on))
        if row.as_string() != before or seen.name in self._lines:
            self._updated.append(seen.name)
        self._remarks += _told(seen, _rounded(peak))

    def _put(self, name: str, key: str, value: Any) -> None:  # noqa: ANN401 - any value of TOML's
        """Set a key of an entry in its place; one that is not there yet gets a line of its own."""
        row = self._rows[name]
        if key not in row and not isinstance(row, InlineTable):
            self._lines.setdefault(name, []).append(f"{key} = {tomlkit.item(value).as_string()}")
        elif row.get(key) != value:
            row[key] = value

    def _put_mix(self, name: str, mix: Mapping[str, float]) -> None:
        old = self._rows[name].get("mix", {})
        if isinstance(old, InlineTable) or not old:
            self._put(name, "mix", tomlkit.parse(f"mix = {_mix_text(mix)}\n")["mix"])
            return
        for operation in [one for one in old if one not in mix]:
            del old[operation]
        for operation, share in mix.items():
            if operation not in old and isinstance(old, Table):
                _append(old, operation, share)
            elif old.get(operation) != share:
                old[operation] = share

    def _add(self, seen: Observed, terms: Terms) -> None:
        pairs = {
            "name": _text(seen.name),
            "peak_rps": str(_rounded(seen.peak_rps)),
            "peak_cv": "" if seen.peak_cv is None else _spread(seen.peak_cv),
            "mix": _mix_text(seen.mix) if seen.mix else "",
            "timeout_s": "" if terms.timeout_s is None else str(terms.timeout_s),
            "attempts": "" if terms.attempts is None else str(terms.attempts),
            "source": _text(self._seen.source),
            "measured_on": str(self._seen.measured_on),
        }
        needed = ("timeout_s", "attempts", *(() if self._has_mix else ("mix",)))
        lacking = tuple(key for key in needed if not pairs[key])
        lines = [
            f"{key} = {value}" if value else f"# {key} = ... is still to be given"
            for key, value in pairs.items()
            if value or key in lacking
        ]
        self._blocks[seen.name] = "\n".join(["", "[[dependent]]", *lines, ""])
        if lacking:
            self._lacking[seen.name] = lacking

    def _strangers(self, unseen: set[str]) -> Iterator[str]:
        for name in sorted(unseen):
            near = near_match(name, self._blocks)
            hint = f" ({near} --rename does that)" if near else ""
            yield f"{name}: is in the ledger, but was not seen{hint}"

    def _refuse_inline(self) -> None:
        """Raise where entries cannot be added at the end of the file."""
        if any(isinstance(row, InlineTable) for row in self._rows.values()):
            raise UsageError(
                f"{self._path}: its dependents are not written as [[dependent]]",
                hint="Write them so, and new ones can be added at the end.",
            )


def _given_mix(entry: Dependent, on: date) -> str:
    """Return what was planned in words that gives the entry its mix on a day, "" where nothing."""
    return next((each.what for each in changes_in_force(entry, on) if each.mix), "")


def _immovable(path: Path) -> UsageError:
    return UsageError(
        f"{path}: cannot be edited without moving its parts about",
        hint="Keep all [[dependent]] together, with nothing else between them.",
    )


def _append(table: Table, key: str, value: object) -> None:
    """Add a key after the last one: comments and blank lines after it belong to what follows."""
    body = table.value.body
    end = len(body)
    while end and body[end - 1][0] is None:
        end -= 1
    rest = body[end:]
    del body[end:]
    table.append(key, value)
    body.extend(rest)


def _told(seen: Observed, peak_rps: float) -> Iterator[str]:
    """Yield what the entry of a dependent does not show of what was seen."""
    seen_rps = _rounded(seen.peak_rps)
    if peak_rps != seen_rps:
        yield (
            f"{seen.name}: {seen_rps}/s were seen; its calls_per_request, cache and changes in "
            f"force make them of a peak_rps of {peak_rps}"
        )
    if seen.peak_cv is not None:
        yield f"{seen.name}: its peak varies by peak_cv = {_spread(seen.peak_cv)} from week to week"


def _mix_text(mix: Mapping[str, float]) -> str:
    shares = (f"{SingleKey(name).as_string()} = {share}" for name, share in mix.items())
    return f"{{ {', '.join(shares)} }}"


def _text(value: str) -> str:
    return tomlkit.string(value).as_string()


def _like(before: object, on: date) -> object:
    """Return the day as text where it was text before."""
    return str(on) if isinstance(before, str) else on


def _spread(peak_cv: float) -> str:
    """Return the spread as it is written: never 0, as no peak is known for certain."""
    return f"{min(max(peak_cv, LEAST_CV), MOST_CV):.2f}"


def _rounded(rate_rps: float) -> float:
    return float(f"{rate_rps:.{DIGITS}g}")
