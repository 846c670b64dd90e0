"""The JSON Schema of a file of ours becomes a reference in Markdown: every table, every key.

It describes what the schema says and nothing else; it knows no particular file.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Schema = Mapping[str, Any]

NONE = "-"
BOUNDS = {
    "exclusiveMinimum": "greater than",
    "minimum": "at least",
    "exclusiveMaximum": "less than",
    "maximum": "at most",
    "multipleOf": "a multiple of",
}
WORDS = {
    "string": "text",
    "number": "number",
    "integer": "whole number",
    "boolean": "boolean",
    "null": "nothing",
}


def render_reference(schema: Schema) -> str:
    """Return a heading with the schema's title, then for each table a heading and its keys.

    ``schema`` is one of pydantic's: local references to ``$defs``, and ``anyOf`` for choices.
    Tables are called as they are written: ``[target]``, ``[profiles.NAME]``, ``[[dependent]]``.
    """
    blocks = [f"# {schema['title']}", *_tables(schema, schema, "")]
    return "\n\n".join(blocks) + "\n"


def _tables(root: Schema, table: Schema, path: str) -> Iterator[str]:
    required = table.get("required", ())
    rows: list[str] = []
    below: list[tuple[Schema, str, str]] = []
    for key, field in table["properties"].items():
        inner, brackets = _table_in(root, field)
        if inner is None:
            rows.append(_row(root, key, field, required=key in required))
        else:
            words = _purpose(field, inner, required=key in required)
            below.append((inner, words, brackets.format(_joined(path, key))))
    if rows:
        yield "\n".join(["| key | value | default | meaning |", "|---|---|---|---|", *rows])
    for inner, words, name in below:
        yield f"## `{name}`"
        yield words
        yield from _tables(root, inner, name.strip("[]"))


def _purpose(field: Schema, table: Schema, *, required: bool) -> str:
    """Return what the key is for and what is in its table, in one paragraph."""
    words = (field.get("description"), table.get("description"), "Required." if required else "")
    return " ".join(filter(None, dict.fromkeys(words)))


def _joined(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _table_in(root: Schema, field: Schema) -> tuple[Schema | None, str]:
    """Return the table that a key holds, None for a single value, and how its name is written."""
    field = _resolved(root, field)
    if "properties" in field:
        return field, "[{}]"
    for place, brackets in (("additionalProperties", "[{}.NAME]"), ("items", "[[{}]]")):
        inner = field.get(place)
        inner = _resolved(root, inner) if isinstance(inner, dict) else {}
        if "properties" in inner:
            return inner, brackets
    return None, ""


def _resolved(root: Schema, field: Schema) -> Schema:
    """Follow a reference, and take the one choice there is besides null."""
    choices = [choice for choice in field.get("anyOf", ()) if choice.get("type") != "null"]
    if len(choices) == 1:
        return _resolved(root, choices[0])
    if "$ref" in field:
        definition: Schema = root["$defs"][field["$ref"].rpartition("/")[2]]
        return definition
    return field


def _row(root: Schema, key: str, field: Schema, *, required: bool) -> str:
    value = _words(_resolved(root, field))
    default = "**required**" if required else _default(field)
    meaning = field.get("description", "").replace("|", "\\|")
    return f"| `{key}` | {value} | {default} | {meaning} |"


def _default(field: Schema) -> str:
    value = field.get("default")
    return NONE if value in (None, "", [], {}) else f"`{json.dumps(value)}`"


def _words(field: Schema) -> str:
    """Return in words what a value may be."""
    if "anyOf" in field:
        return "; or ".join(_words(choice) for choice in field["anyOf"])
    if "const" in field or "enum" in field:
        return ", ".join(
            f"`{json.dumps(word)}`" for word in field.get("enum", [field.get("const")])
        )
    match field["type"]:
        case "array" if "prefixItems" in field:
            return f"list of {len(field['prefixItems'])}: {_words(field['prefixItems'][0])}"
        case "array":
            return f"list: {_words(field['items'])}"
        case "object":
            return f"table of names: {_words(field['additionalProperties'])}"
        case kind:
            bounds = [f"{word} {field[name]:g}" for name, word in BOUNDS.items() if name in field]
            return ", ".join([field.get("format", WORDS[kind]), *bounds])
