"""Metrics go to a Prometheus Pushgateway, in the place of the last ones of the same service.

What they say is :mod:`perfgate.report.prometheus`'s business.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode

from perfgate.errors import PerfgateError
from perfgate.exitcodes import ExitCode

JOB = "perfgate"
CONNECT_S, READ_S = 5.0, 15.0
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class PushError(PerfgateError):
    """The Pushgateway cannot be reached, or refuses: the verdict is not affected."""

    exit_code = ExitCode.NO_SOURCE


def push(url: str, text: str, *, service: str, profile: str) -> None:
    """Send the metrics of a service and a profile; raises PushError."""
    import requests  # noqa: PLC0415 - a tenth of a second, which only this needs

    address = f"{url.rstrip('/')}/metrics/job/{JOB}{_label('service', service)}"
    address += _label("profile", profile)
    try:
        answer = requests.put(
            address,
            data=text.encode(),
            headers={"Content-Type": CONTENT_TYPE},
            timeout=(CONNECT_S, READ_S),
        )
    except requests.RequestException as error:
        raise PushError(
            f"{url}: cannot be reached: {type(error).__name__}",
            hint="Name the address of a Pushgateway, like http://127.0.0.1:9091, that is up.",
        ) from error
    if not answer.ok:
        raise PushError(
            f"{url}: answers {answer.status_code}: {answer.text[:200]}",
            hint=f"The address is that to which /metrics/job/{JOB} is added.",
        )


def _label(name: str, value: str) -> str:
    """Return a part of the path that any value can stand in, slashes too."""
    return f"/{name}@base64/{urlsafe_b64encode(value.encode()).decode()}"
