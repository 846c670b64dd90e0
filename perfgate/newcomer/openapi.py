"""An OpenAPI description becomes requests that can be sent, with examples for what is needed.

Pure: whether the service answers them is found out elsewhere.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

METHODS = ("get", "post", "put", "patch", "delete", "head")
# As deep as examples are made of schemas, which may hold themselves.
DEEPEST = 6
PLAIN = {"string": "example", "integer": 1, "number": 1.0, "boolean": True, "null": None}
FORMATS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "email": "someone@example.org",
    "uuid": "123e4567-e89b-42d3-a456-426614174000",
    "uri": "https://example.org/",
}


@dataclass(frozen=True, slots=True)
class Request:
    """One kind of request: ``name`` is a Python name, ``path`` is filled in; ``body`` is JSON."""

    name: str
    method: str
    path: str
    body: Any = None

    @property
    def told(self) -> str:
        """Return the request as people write it."""
        return f"{self.method} {self.path}"


def requests_of(document: Mapping[str, Any]) -> tuple[Request, ...]:
    """Return the requests that an OpenAPI document (2 or 3) describes, in its order.

    Those that need a body of another kind than JSON, or that are deprecated, are left out.
    """
    base = _base_path(document)
    made = [
        request
        for path, item in _mapping(document.get("paths")).items()
        for method, operation in _mapping(item).items()
        if method in METHODS
        for request in _request(document, f"{base}{path}", method, _mapping(operation), item)
    ]
    return tuple(_with_own_names(made))


def _request(
    document: Mapping[str, Any],
    path: str,
    method: str,
    operation: Mapping[str, Any],
    item: Mapping[str, Any],
) -> Iterator[Request]:
    if operation.get("deprecated"):
        return
    parameters = [
        _resolved(document, own)
        for own in (*_list(item.get("parameters")), *_list(operation.get("parameters")))
    ]
    body, possible = _body(document, operation, parameters)
    if possible:
        filled = _filled(document, path, parameters)
        yield Request(_name(operation, method, path), method.upper(), filled, body)


def _base_path(document: Mapping[str, Any]) -> str:
    servers = _list(document.get("servers"))
    url = str(_mapping(servers[0]).get("url", "")) if servers else str(document.get("basePath", ""))
    return re.sub(r"^https?://[^/]*", "", url).rstrip("/")


def _name(operation: Mapping[str, Any], method: str, path: str) -> str:
    """Return a Python name; FastAPI's end with the path and the method, which says nothing new."""
    told = str(operation.get("operationId", ""))
    suffix = f"{re.sub(r'[^0-9A-Za-z]', '_', path)}_{method}"
    words = told.removesuffix(suffix) or f"{method}_{path}"
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", words)
    name = re.sub(r"_+", "_", re.sub(r"\W", "_", snake, flags=re.ASCII)).strip("_").lower()
    return name if name and not name[0].isdigit() else f"{method}_{name}".rstrip("_")


def _with_own_names(requests: list[Request]) -> Iterator[Request]:
    seen: dict[str, int] = {}
    for own in requests:
        seen[own.name] = seen.get(own.name, 0) + 1
        name = own.name if seen[own.name] == 1 else f"{own.name}_{seen[own.name]}"
        yield Request(name, own.method, own.path, own.body)


def _filled(document: Mapping[str, Any], path: str, parameters: list[Mapping[str, Any]]) -> str:
    """Return the path with examples for its parameters, and for the query's if they are needed."""
    query = []
    for own in parameters:
        value = _parameter(document, own)
        if own.get("in") == "path":
            path = path.replace(f"{{{own.get('name')}}}", value)
        elif own.get("in") == "query" and own.get("required"):
            query.append(f"{own.get('name')}={value}")
    path = re.sub(r"\{[^}]*\}", "1", path)
    return f"{path}?{'&'.join(query)}" if query else path


def _parameter(document: Mapping[str, Any], own: Mapping[str, Any]) -> str:
    schema = own.get("schema", own)
    told = own.get("example", _example(document, _mapping(schema), 0))
    return told if isinstance(told, str) else json.dumps(told)


def _body(
    document: Mapping[str, Any], operation: Mapping[str, Any], parameters: list[Mapping[str, Any]]
) -> tuple[Any, bool]:
    """Return the body as JSON, None for none, and whether one can be made."""
    old = next((own for own in parameters if own.get("in") == "body"), None)
    if old is not None:
        return _example(document, _mapping(old.get("schema")), 0), True
    if any(own.get("in") == "formData" and own.get("required") for own in parameters):
        return None, False
    told = _resolved(document, operation.get("requestBody"))
    content = _mapping(told.get("content"))
    media = next((own for kind, own in content.items() if "json" in kind), None)
    if media is None:
        return None, not told.get("required") or not content
    media = _mapping(media)
    if "example" in media:
        return media["example"], True
    examples = [_mapping(own).get("value") for own in _mapping(media.get("examples")).values()]
    return (examples[0] if examples else _example(document, _mapping(media.get("schema")), 0)), True


def _example(document: Mapping[str, Any], schema: Mapping[str, Any], depth: int) -> Any:  # noqa: ANN401 - JSON of any kind
    """Return a value that the schema should allow."""
    schema = _resolved(document, schema)
    for key in ("example", "default", "const"):
        if key in schema:
            return schema[key]
    for key in ("examples", "enum"):
        if _list(schema.get(key)):
            return schema[key][0]
    for key in ("anyOf", "oneOf"):
        if _list(schema.get(key)):
            return _example(document, _mapping(schema[key][0]), depth + 1)
    return _of_type(document, _whole(document, schema), depth)


def _whole(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a schema with all that it consists of taken in."""
    parts = [_whole(document, _resolved(document, own)) for own in _list(schema.get("allOf"))]
    properties: dict[str, Any] = {}
    required: list[Any] = []
    for own in (*parts, schema):
        properties |= _mapping(own.get("properties"))
        required += _list(own.get("required"))
    return {**schema, "properties": properties, "required": required}


def _of_type(document: Mapping[str, Any], schema: Mapping[str, Any], depth: int) -> Any:  # noqa: ANN401 - as above
    kind = schema.get("type", "object" if schema["properties"] else "string")
    kind = kind[0] if isinstance(kind, list) and kind else kind
    if kind == "object":
        needed = schema["required"] if depth < DEEPEST else ()
        return {
            name: _example(document, _mapping(own), depth + 1)
            for name, own in schema["properties"].items()
            if name in needed
        }
    if kind == "array":
        least = schema.get("minItems", 0)
        items = _mapping(schema.get("items"))
        return [_example(document, items, depth + 1)] * (int(least) if depth < DEEPEST else 0)
    if kind == "string":
        told = str(FORMATS.get(str(schema.get("format")), PLAIN["string"]))
        return told.ljust(int(schema.get("minLength", 0)), "x")[: int(schema.get("maxLength", 999))]
    if kind in ("integer", "number"):
        return schema.get("minimum", PLAIN[kind])
    return PLAIN.get(str(kind))


def _resolved(document: Mapping[str, Any], own: Any) -> Mapping[str, Any]:  # noqa: ANN401 - as above
    """Return what a reference within the document leads to, or the thing itself."""
    resolved = _mapping(own)
    for _ in range(DEEPEST):
        reference = resolved.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#/"):
            break
        found: Any = document
        for part in reference[2:].split("/"):
            found = _mapping(found).get(part.replace("~1", "/").replace("~0", "~"))
        resolved = _mapping(found)
    return resolved


def _mapping(value: Any) -> Mapping[str, Any]:  # noqa: ANN401 - as above
    found: Mapping[str, Any] = value if isinstance(value, dict) else {}
    return found


def _list(value: Any) -> list[Any]:  # noqa: ANN401 - as above
    return value if isinstance(value, list) else []
