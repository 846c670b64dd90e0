"""A ledger of dependents, in the format ``perfgate.demand/1``, becomes frozen values.

It does not say how much load they make on which day: :mod:`perfgate.demand.demand` does.
"""

from __future__ import annotations

from datetime import date
from math import fsum
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    model_validator,
)

from perfgate.errors import PerfgateError
from perfgate.tomlfile import (
    Flaw,
    TomlFile,
    faults_of,
    near_or_all,
    parse_model,
    parse_toml,
    read_toml,
    shown,
)
from perfgate.tomllines import key_lines

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from perfgate.faults import Fault
    from perfgate.tomllines import KeyPath

MIX_TOLERANCE = 1e-6
# With the bounds on rates, these keep every product of changes finite.
MOST_SCALE = 100
MOST_CHANGES = 100


class Spread(NamedTuple):
    """A figure that is not certain."""

    low: float
    likely: float
    high: float


def spread_of(value: object) -> Spread:
    """Return a number or [low, likely, high] as a spread; ValueError says what is wrong with it."""
    given = value if isinstance(value, tuple | list) else (value, value, value)
    figures = [
        part for part in given if isinstance(part, int | float) and not isinstance(part, bool)
    ]
    if len(given) != len(Spread._fields) or len(figures) != len(given):
        raise ValueError("must be a number or [low, likely, high]")
    if not all(0 <= figure <= MOST_SCALE for figure in figures) or figures != sorted(figures):
        raise ValueError(
            f"must lie between 0 and {MOST_SCALE}, and [low, likely, high] must not descend"
        )
    return Spread(*map(float, figures))


def _day(value: object) -> object:
    """Take a date written as text too: many other tools write it so."""
    if not isinstance(value, str):
        return value
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError("must be a date like 2018-07-13") from None


def _sums_to_one(mix: dict[str, float]) -> dict[str, float]:
    total = fsum(mix.values())
    if mix and abs(total - 1) > MIX_TOLERANCE:
        raise ValueError(f"the shares must sum to 1, not to {total:.6g}")
    return mix


# The upper bounds only keep sums and products finite.
Rate = Annotated[float, Field(ge=0, le=1e9)]
Seconds = Annotated[float, Field(ge=0, le=1e9)]
Attempts = Annotated[int, Field(ge=1, le=1000)]
Factor = Annotated[float, Field(ge=0, le=MOST_SCALE)]
Share = Annotated[float, Field(ge=0, le=1)]
Day = Annotated[date, BeforeValidator(_day, json_schema_input_type=date)]
Mix = Annotated[dict[str, Share], AfterValidator(_sums_to_one)]
Scale = Annotated[
    Spread,
    PlainValidator(spread_of, json_schema_input_type=Factor | tuple[Factor, Factor, Factor]),
    PlainSerializer(list, return_type=list[float]),
]


class Row(BaseModel):
    """A table of the ledger: unknown keys are faults, values never change."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        validate_by_name=True,
        validate_by_alias=True,
    )


class Backoff(Row):
    """How long a caller waits between attempts; it does not change how many there are."""

    kind: Literal["none", "fixed", "exponential"] = Field(description="How the wait grows.")
    base_s: Seconds = Field(default=0.0, description="Wait before the first retry.")
    factor: Annotated[float, Field(ge=1, le=1000)] = Field(
        default=2.0, description="Growth per retry, when exponential."
    )
    max_s: Seconds | None = Field(default=None, description="Longest wait.")
    jitter: Literal["none", "full", "equal"] = Field(
        default="none", description="Randomness: over the whole wait, or over its upper half."
    )

    @model_validator(mode="after")
    def _waits(self) -> Self:
        if self.kind != "none" and self.base_s == 0:
            raise ValueError(f'kind "{self.kind}" needs base_s greater than 0')
        if self.max_s is not None and self.max_s < self.base_s:
            raise ValueError("max_s must not be less than base_s")
        return self


class Budget(Row):
    """What keeps a dependent from retrying without limit."""

    kind: Literal["none", "per_request", "per_success", "concurrency"] = Field(
        description="What retries are a share of: first tries, successes, or requests in flight."
    )
    ratio: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.0, description="That share; 0.1 is a retry for ten requests."
    )
    min_rps: Rate = Field(
        default=0.0, description="Retries per second and client that are always allowed."
    )
    clients: Annotated[int, Field(ge=1, le=10**9)] = Field(
        default=1, description="Processes of the dependent, each with a budget of its own."
    )

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        given = self.model_fields_set
        if self.kind == "none" and {"ratio", "min_rps"} & given:
            raise ValueError('kind "none" takes no ratio and no min_rps')
        if self.kind != "none" and "ratio" not in given:
            raise ValueError(f'kind "{self.kind}" needs a ratio')
        if self.kind == "concurrency" and self.ratio == 1:
            raise ValueError('kind "concurrency" needs a ratio less than 1: 1 is no limit at all')
        if self.kind != "per_request" and self.min_rps > 0:
            raise ValueError('min_rps belongs to kind "per_request"')
        return self


class Cache(Row):
    """How a dependent remembers answers per token."""

    ttl_s: Seconds = Field(description="How long an answer is remembered.")
    active_tokens: Annotated[int, Field(ge=1, le=10**12)] = Field(
        description="Tokens in use at the peak; the requests are spread over them."
    )


class Change(Row):
    """A planned change of what a dependent sends."""

    effective_from: Day = Field(alias="from", description="First day on which it counts.")
    what: Annotated[str, Field(min_length=1)] = Field(description="What is planned, in words.")
    why: str = Field(default="", description="What it is for, in words.")
    scale: Scale = Field(
        default=Spread(1.0, 1.0, 1.0),
        description="Factor on the dependent's peak: a number or [low, likely, high].",
    )
    add_rps: Rate = Field(default=0.0, description="Requests per second on top of the peak.")
    mix: Mix = Field(
        default_factory=dict,
        description="Share of each operation from then on, summing to 1; absent, it stays.",
    )

    @property
    def has_figures(self) -> bool:
        """Tell whether it says what changes; one that does not is no part of the demand."""
        return bool({"scale", "add_rps", "mix"} & self.model_fields_set)


class Dependent(Row):
    """A calling service and what it sends at its peak."""

    name: Annotated[str, Field(min_length=1)] = Field(description="Name, unique in the ledger.")
    peak_rps: Rate = Field(description="The dependent's own requests per second at its peak.")
    peak_cv: Annotated[float, Field(ge=0, le=10)] = Field(
        default=0.1, description="Relative standard deviation of that figure."
    )
    calls_per_request: Rate = Field(
        default=1.0, description="Calls to the service per request of the dependent."
    )
    mix: Mix = Field(
        default_factory=dict,
        description="Share of each operation, summing to 1; absent, default_mix holds.",
    )
    timeout_s: Annotated[float, Field(gt=0, le=1e9)] = Field(
        description="How long the dependent waits for an answer."
    )
    attempts: Attempts = Field(default=1, description="Most attempts, the first try included.")
    upstream_attempts: Attempts = Field(
        default=1,
        description="Attempts that the dependent's own callers make, whatever its budget.",
    )
    backoff: Backoff = Backoff(kind="none")
    budget: Budget = Budget(kind="none")
    cache: Cache | None = None
    owner: str = Field(default="", description="Who answers for the entry.")
    source: str = Field(default="", description="Where the figures come from.")
    measured_on: Day | None = Field(default=None, description="When they were measured.")
    changes: tuple[Change, ...] = Field(
        default=(),
        alias="change",
        max_length=MOST_CHANGES,
        description="Planned changes, in any order.",
    )

    @model_validator(mode="after")
    def _each_change_once(self) -> Self:
        plans = [(each.effective_from, each.what) for each in self.changes]
        twice = next((plan for plan in plans if plans.count(plan) > 1), None)
        if twice is not None:
            raise ValueError(f'the change "{twice[1]}" from {twice[0]} on is there twice')
        return self

    @model_validator(mode="after")
    def _one_mix_a_day(self) -> Self:
        days = [each.effective_from for each in self.changes if each.mix]
        twice = next((day for day in days if days.count(day) > 1), None)
        if twice is not None:
            raise ValueError(f"more than one change from {twice} on gives a mix")
        return self

    def __hash__(self) -> int:
        """Return a hash of what tells it from others: a mix, being a dictionary, has none."""
        return hash((self.name, self.peak_rps))


class Ledger(Row):
    """All dependents of the service."""

    format: Literal["perfgate.demand/1"] = Field(description="Format of the file.")
    default_mix: Mix = Field(
        default_factory=dict, description="Share of each operation for dependents without a mix."
    )
    dependents: Annotated[tuple[Dependent, ...], Field(min_length=1)] = Field(
        alias="dependent", description="The calling services."
    )

    def mix_of(self, dependent: Dependent, changes: Sequence[Change] = ()) -> dict[str, float]:
        """Return the share of each operation in what ``dependent`` sends with these changes.

        It is that of the latest one that gives a mix.
        """
        mixed = [each for each in changes if each.mix] if changes else ()
        if mixed:
            return max(mixed, key=lambda each: each.effective_from).mix
        return dependent.mix or self.default_mix

    def timeouts_s(self) -> dict[str, float]:
        """Return per operation how long the least patient of its callers waits for an answer.

        Who will only ask for it once a change is in force is one of them.
        """
        shortest_s: dict[str, float] = {}
        for dependent in self.dependents:
            mixes = [self.mix_of(dependent), *(each.mix for each in dependent.changes)]
            for operation in {name for mix in mixes for name, share in mix.items() if share > 0}:
                known_s = shortest_s.get(operation, dependent.timeout_s)
                shortest_s[operation] = min(known_s, dependent.timeout_s)
        return shortest_s


def _as_written(ledger: Ledger) -> dict[str, Any]:
    """Return the ledger as its file has it: defaults left out, so that it reads back the same."""
    return ledger.model_dump(mode="json", by_alias=True, exclude_unset=True)


# A ledger as part of another stored value.
StoredLedger = Annotated[Ledger, PlainSerializer(_as_written)]


def load_ledger(path: Path) -> Ledger:
    """Read the ledger at ``path``.

    Raises UsageError when it cannot be read, and FileFaultsError with all faults in it.
    """
    return _ledger(read_toml(path))


def parse_ledger(path: Path, text: str) -> Ledger:
    """Return the ledger that ``text`` is; ``path`` names it in FileFaultsError, with all faults."""
    return _ledger(parse_toml(path, text))


def check_operations(path: Path, ledger: Ledger, operations: Collection[str]) -> list[Fault]:
    """Return a fault for every share in ``ledger`` of an operation the Locust file does not have.

    ``path`` is the file that ``ledger`` was read from; it is read again for lines only when there
    is a fault, and if it has changed since, the faults have no lines.
    """
    flaws = list(_operation_flaws(ledger, frozenset(operations)))
    if not flaws:
        return []
    return faults_of(flaws, _tables(ledger), _lines_if_unchanged(path, ledger))


def _ledger(file: TomlFile) -> Ledger:
    return parse_model(file, Ledger, laws=_flaws)


def _tables(ledger: Ledger) -> dict[str, object]:
    """Return as much of the ledger's tables as naming a path in them needs."""
    return {"dependent": tuple({"name": dependent.name} for dependent in ledger.dependents)}


def _lines_if_unchanged(path: Path, ledger: Ledger) -> dict[KeyPath, int]:
    try:
        file = read_toml(path)
        return key_lines(file.text) if _ledger(file) == ledger else {}
    except PerfgateError:
        # What is wrong with a text written since is not what was asked.
        return {}


def _operation_flaws(ledger: Ledger, operations: frozenset[str]) -> Iterator[Flaw]:
    yield from _mix_flaws(("default_mix",), ledger.default_mix, operations)
    for position, dependent in enumerate(ledger.dependents):
        own = ("dependent", position)
        yield from _mix_flaws((*own, "mix"), dependent.mix, operations)
        for place, change in enumerate(dependent.changes):
            yield from _mix_flaws((*own, "change", place, "mix"), change.mix, operations)


def _mix_flaws(
    at: tuple[str | int, ...], mix: Mapping[str, float], operations: frozenset[str]
) -> Iterator[Flaw]:
    for operation in mix:
        if operation not in operations:
            hint = near_or_all(operation, sorted(operations))
            problem = "is not an operation of the Locust file"
            yield Flaw((*at, operation), problem, shown(operation), hint)


def _flaws(table: Mapping[str, object]) -> Iterator[Flaw]:
    rows = table.get("dependent")
    dependents = rows if isinstance(rows, tuple) else ()
    yield from _name_flaws(dependents)
    if not table.get("default_mix"):
        for position, dependent in enumerate(dependents):
            if isinstance(dependent, dict) and not dependent.get("mix"):
                hint = "give it one, like { login = 1.0 }, or give the ledger a [default_mix]"
                yield Flaw(("dependent", position, "mix"), "is missing", hint=hint)


def _name_flaws(dependents: tuple[object, ...]) -> Iterator[Flaw]:
    seen: dict[str, int] = {}
    for position, dependent in enumerate(dependents):
        name = dependent.get("name") if isinstance(dependent, dict) else None
        if isinstance(name, str) and seen.setdefault(name, position) != position:
            hint = f"the first one is number {seen[name] + 1} in the file, this is {position + 1}"
            problem = "is the name of another dependent too"
            yield Flaw(("dependent", position, "name"), problem, shown(name), hint)
