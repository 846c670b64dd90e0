"""How nginx writes an access log: its combined format, or JSON with the names of its variables."""

from __future__ import annotations

import re

from perfgate.demand.sources.accesslog import Layout

# `log_format combined` of ngx_http_log_module; what a longer format adds at the end is passed over.
# nginx writes a quote within a value as \x22, Apache as \".
COMBINED = re.compile(
    r"(?P<remote_addr>\S+) \S+ (?P<remote_user>.*?) \[(?P<time_local>[^\]]+)\] "
    r'"(?P<request>(?:[^"\\]|\\.)*)" (?P<status>\d{3}) (?P<body_bytes_sent>\d+|-) '
    r'"(?P<http_referer>(?:[^"\\]|\\.)*)" "(?P<http_user_agent>(?:[^"\\]|\\.)*)"'
)
LAYOUT = Layout(
    server="nginx",
    text=COMBINED,
    time="time_local",
    caller="http_user_agent",
    status="status",
    methods=("request_method", "method"),
    paths=("request_uri", "uri", "path"),
    request="request",
    example='like 10.0.0.1 - - [10/Oct/2026:13:55:36 +0000] "POST /token HTTP/1.1" 200 52 "-" '
    '"gateway/2.1", or a JSON object on every line',
)
