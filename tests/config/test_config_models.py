"""The configuration's models hold their defaults and refuse what contradicts itself."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from perfgate.config.models import (
    READY_PLACEHOLDERS,
    START_PLACEHOLDERS,
    Config,
    Margins,
    Production,
    Profile,
    Slo,
    Target,
)

# On a busy machine an example may take its time; that is not what these laws are about.
patient = settings(deadline=None)

SMALLEST = {
    "service": "auth",
    "target": {"start": "auth --port {port}"},
    "load": {"locustfile": "auth.py"},
}


def refusal(model: type[Any], **fields: object) -> tuple[tuple[int | str, ...], str]:
    """Return where and why ``model`` refuses the fields, when it does so for one reason."""
    with pytest.raises(ValidationError) as caught:
        model(**fields)
    [error] = caught.value.errors()
    return error["loc"], error["msg"].removeprefix("Value error, ")


def test_the_smallest_configuration_is_enough() -> None:
    """A service, a start command and a Locust file: everything else has a default."""
    config = Config.model_validate(SMALLEST)
    assert config.profiles == {"default": Profile()}
    assert config.margins == Margins()
    assert config.slo == {}


def test_a_configuration_never_changes() -> None:
    """No stage can change a setting for the next one."""
    config = Config.model_validate(SMALLEST)
    with pytest.raises(ValidationError, match="frozen"):
        config.service = "other"  # type: ignore[misc] # the assignment is what is tested


def test_every_default_is_valid() -> None:
    """The defaults keep the laws that files must keep."""
    config = Config.model_validate(SMALLEST)
    assert config == Config.model_validate(config.model_dump())


def test_every_setting_says_what_it_is_for() -> None:
    """Each field that is not a table of its own has a description, for the schema and the docs."""
    config = Config.model_validate(SMALLEST)
    tables = [config, *(getattr(config, name) for name in ("target", "load", "margins", "budget"))]
    tables += [config.production, config.demand, config.baseline, Profile(), Slo()]
    missing = [
        f"{type(table).__name__}.{name}"
        for table in tables
        for name, field in type(table).model_fields.items()
        if not field.description and not hasattr(field.annotation, "model_fields")
    ]
    assert missing == []


@pytest.mark.parametrize("ready", ["/", "/healthz", "http://127.0.0.1:{port}/up"])
def test_ready_is_a_path_or_a_plain_url(ready: str) -> None:
    """A path on the target, or a whole URL."""
    assert Target(start="x", ready=ready).ready == ready


def test_ready_is_nothing_else() -> None:
    """Anything else is refused in plain words."""
    where, why = refusal(Target, start="x", ready="healthz")
    assert (where, why) == (("ready",), 'must begin with "/" or "http://"')


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:9000", "http://localhost:80/", "http://[::1]:9000", "http://127.1.2.3"],
)
def test_a_service_of_this_machine_may_be_loaded(url: str) -> None:
    """A URL of a loopback address needs no leave, and is kept without its slash."""
    assert Target(url=url).url == url.rstrip("/")


@pytest.mark.parametrize("url", ["http://10.0.0.5:80", "http://auth.example", "http://0.0.0.0:1"])
def test_load_goes_to_other_machines_on_purpose_only(url: str) -> None:
    """Any other host is refused, with what would send it there; and so it is sent."""
    where, why = refusal(Target, url=url)
    assert where == ()
    assert why.startswith(f"url = {url} is not on this machine")
    assert why.endswith("allow_remote = true sends it all the same")
    assert Target(url=url, allow_remote=True).url == url


@pytest.mark.parametrize(
    "url", ["127.0.0.1:9000", "https://localhost", "http://", "http://a:b", "http://a/x"]
)
def test_a_url_is_host_and_port(url: str) -> None:
    """Nothing but http, a host and a port."""
    assert refusal(Target, url=url)[0] == ("url",)


def test_a_target_is_of_one_kind() -> None:
    """Started or reached, not both or neither; and no key is ignored."""
    assert refusal(Target) == ((), "must have one of start, url, container, and has none")
    both = refusal(Target, start="x", url="http://127.0.0.1:1")[1]
    assert both == "must have one of start, url, container, and has start and url"
    unused = refusal(Target, url="http://127.0.0.1:1", env={"A": "b"}, build="make")[1]
    assert unused == "url has no use for build, env: take it away"


def test_a_saved_target_is_read_again() -> None:
    """A configuration of either kind comes back from a measurement as it was."""
    for target in (
        Target(start="x", env={"A": "b"}),
        Target(url="http://127.0.0.1:1", ready="/up"),
    ):
        assert Target.model_validate_json(target.model_dump_json()) == target


@patient
@given(st.lists(st.integers(2, 20), min_size=1, max_size=6))
def test_looks_ascend(looks: list[int]) -> None:
    """Looks are accepted exactly when each is later than the one before."""
    ascends = all(earlier < later for earlier, later in pairwise(looks))
    if ascends:
        assert Profile(looks=tuple(looks)).looks == tuple(looks)
    else:
        assert refusal(Profile, looks=looks)[0] == ("looks",)


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"p50_ms": 20.0, "p95_ms": 10.0}, "p95_ms"),
        ({"p95_ms": 20.0, "p99_ms": 10.0}, "p99_ms"),
        ({"p50_ms": 20.0, "p99_ms": 10.0}, "p99_ms"),
    ],
)
def test_promised_quantiles_ascend(fields: dict[str, float], where: str) -> None:
    """A higher quantile cannot be promised to be faster than a lower one."""
    assert refusal(Slo, **fields)[0] == (where,)


def test_equal_quantiles_are_a_promise() -> None:
    """One bound for all quantiles contradicts nothing."""
    assert Slo(p50_ms=10, p95_ms=10, p99_ms=10).p99_ms == 10


def test_tolerance_lies_below_the_margin() -> None:
    """A loss cannot be too large to pass and too small to fail; the default counts as well."""
    assert refusal(Margins, tolerance=0.05)[1] == "must be less than slowdown = 0.03"
    assert refusal(Margins, slowdown=0.005)[0] == ("tolerance",)
    assert Margins(slowdown=0.005, tolerance=0.001).tolerance == 0.001


@pytest.mark.parametrize("figure", [float("inf"), float("nan"), -1.0, 0.0])
def test_lengths_of_time_are_positive_and_finite(figure: float) -> None:
    """TOML has inf and nan, but no phase can last so long."""
    assert refusal(Profile, demand_s=figure)[0] == ("demand_s",)


def test_what_ready_may_contain_start_may_too() -> None:
    """A placeholder means the same wherever it is known."""
    assert set(READY_PLACEHOLDERS) <= set(START_PLACEHOLDERS)


@pytest.mark.parametrize("imbalance", [0.9, 3.5])
def test_the_busiest_instance_gets_no_less_than_the_mean_and_no_more_than_all(
    imbalance: float,
) -> None:
    """Three instances can be uneven by a factor of 1 to 3."""
    assert refusal(Production, instances=3, imbalance=imbalance)[0] == ("imbalance",)
    assert Production(instances=3, imbalance=3.0).full_instances == 1
