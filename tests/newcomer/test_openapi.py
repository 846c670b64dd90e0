"""Requests made of OpenAPI documents."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from perfgate.newcomer.openapi import Request, requests_of

ITEM = {
    "type": "object",
    "required": ["name", "kind", "owner", "sizes"],
    "properties": {
        "name": {"type": "string", "minLength": 9},
        "kind": {"enum": ["big", "small"]},
        "owner": {"$ref": "#/components/schemas/Owner"},
        "sizes": {"type": "array", "items": {"type": "integer"}, "minItems": 2},
        "note": {"type": "string"},
    },
}
OWNER = {
    "allOf": [
        {"type": "object", "required": ["mail"], "properties": {"mail": {"format": "email"}}},
        {"required": ["parent"], "properties": {"parent": {"$ref": "#/components/schemas/Owner"}}},
    ]
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


def document(**paths: Any) -> dict[str, Any]:
    """Return a document with these operations at /items/{id}."""
    return {
        "servers": [{"url": "https://api.example.org/v1/"}],
        "paths": {"/items/{id}": paths},
        "components": {"schemas": {"Item": ITEM, "Owner": OWNER}},
    }


def test_parameters_are_filled_in() -> None:
    """A path gets examples; a query only what is needed; a server's path stands before it."""
    parameters = [
        {"name": "id", "in": "path", "schema": {"type": "integer", "minimum": 7}},
        {"name": "q", "in": "query", "required": True, "example": "x"},
        {"name": "page", "in": "query"},
    ]
    made = requests_of(document(get={"operationId": "readItem", "parameters": parameters}))
    assert made == (Request("read_item", "GET", "/v1/items/7?q=x"),)


def test_a_body_has_what_is_needed() -> None:
    """A body is made of the schema: what it needs, within its bounds, as deep as it goes."""
    schema = {"$ref": "#/components/schemas/Item"}
    body = {"content": {"application/json": {"schema": schema}}, "required": True}
    (made,) = requests_of(document(post={"requestBody": body}))
    assert (made.name, made.body["name"], made.body["kind"]) == (
        "post_v1_items_id",
        "examplexx",
        "big",
    )
    assert made.body["sizes"] == [1, 1]
    assert made.body["owner"]["mail"] == "someone@example.org"
    assert "note" not in made.body


def test_what_cannot_be_asked() -> None:
    """Deprecated operations, and bodies that are no JSON, are left out."""
    form = {"content": {"multipart/form-data": {}}, "required": True}
    assert requests_of(document(post={"requestBody": form}, get={"deprecated": True})) == ()


def test_names_of_fastapi() -> None:
    """What FastAPI adds to a function's name is taken off; two of a name are told apart."""
    read = {"operationId": "read_items__id__get"}
    both = {
        "paths": {"/items/{id}": {"get": read}, "/other/{id}": {"get": {"operationId": "read"}}}
    }
    assert [own.name for own in requests_of(both)] == ["read", "read_2"]


@given(JSON)
def test_nonsense_makes_no_requests_or_some(nonsense: object) -> None:
    """Whatever stands in a document, requests have Python names and whole paths."""
    for own in requests_of(
        {"paths": {"/a/{b}": {"get": nonsense, "post": {"requestBody": nonsense}}}}
    ):
        assert own.name.isidentifier()
        assert own.path.startswith("/a/")
