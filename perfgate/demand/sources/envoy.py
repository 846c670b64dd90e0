"""How Envoy writes an access log: its default format, or JSON with the names of its examples."""

from __future__ import annotations

import re

from perfgate.demand.sources.accesslog import Layout

# The default format string of Envoy's access logging, under the names that Istio's JSON has. It
# escapes nothing, so a value with quotes in it is told by what surrounds it.
DEFAULT = re.compile(
    r'\[(?P<start_time>[^\]]+)\] "(?P<method>\S*) (?P<path>.*?) (?P<protocol>\S+)" '
    r"(?P<response_code>\d+) (?P<response_flags>\S+) (?:.* )?(?P<bytes_received>\d+|-) "
    r"(?P<bytes_sent>\d+|-) (?P<duration>\d+|-) (?P<upstream_service_time>\S+) "
    r'"(?P<x_forwarded_for>[^"]*)" "(?P<user_agent>.*)" "(?P<request_id>[^"]*)" '
    r'"(?P<authority>[^"]*)" "(?P<upstream_host>[^"]*)"'
)
LAYOUT = Layout(
    server="Envoy",
    text=DEFAULT,
    time="start_time",
    caller="user_agent",
    status="response_code",
    methods=("method", ":method", "request_method"),
    paths=("x-envoy-original-path", "x_envoy_original_path", "path", ":path"),
    request="request",
    example="like Envoy's default format string gives it, or a JSON object on every line",
)
