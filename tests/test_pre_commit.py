"""The hook that is offered to pre-commit, and what the document on it shows."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from ruamel.yaml import YAML
from test_docs import blocks, parse

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "docs" / "before-a-push.md"

# What pre-commit 4 knows of a hook in a manifest, and takes from a hook in a configuration.
TEXT, SWITCH, TEXTS = {"type": "string"}, {"type": "boolean"}, {"items": {"type": "string"}}
KEYS = {
    "id": TEXT,
    "name": TEXT,
    "entry": TEXT,
    "description": TEXT,
    "args": TEXTS,
    "additional_dependencies": TEXTS,
    "language": {"enum": ["python", "system"]},
    "stages": {"items": {"enum": ["pre-commit", "pre-push", "manual"]}},
    "pass_filenames": SWITCH,
    "always_run": SWITCH,
    "require_serial": SWITCH,
    "verbose": SWITCH,
}
HOOK = {"type": "object", "properties": KEYS, "additionalProperties": False}
MANIFEST = {
    "type": "array",
    "items": {**HOOK, "required": ["id", "name", "entry", "language"]},
}
CONFIGURATION = {
    "type": "object",
    "required": ["repos"],
    "properties": {
        "repos": {
            "items": {
                "required": ["repo", "hooks"],
                "properties": {"hooks": {"items": {**HOOK, "required": ["id"]}}},
            }
        }
    },
}


def the_hook() -> dict[str, Any]:
    """Return the one hook of the manifest, which must be as pre-commit wants it."""
    hooks: list[dict[str, Any]] = YAML(typ="safe", pure=True).load(
        (ROOT / ".pre-commit-hooks.yaml").read_text()
    )
    Draft202012Validator(MANIFEST).validate(hooks)
    (hook,) = hooks
    return hook


def shown_hooks() -> list[dict[str, Any]]:
    """Return the hooks of the document's configurations, which must be as pre-commit wants them."""
    shown = [YAML(typ="safe", pure=True).load(text) for text in blocks(DOCUMENT, "yaml")]
    for said in shown:
        Draft202012Validator(CONFIGURATION).validate(said)
    return [hook for said in shown for repo in said["repos"] for hook in repo["hooks"]]


def test_the_hook_can_be_run() -> None:
    """The manifest is one that pre-commit reads; its command parses, and is asked before a push."""
    hook = the_hook()
    program, *words = shlex.split(hook["entry"])
    assert program == "perfgate"
    parse([*words, *hook["args"]])
    assert (hook["language"], hook["stages"]) == ("python", ["pre-push"])
    assert not hook["pass_filenames"]


def test_the_configurations_that_are_shown() -> None:
    """Those of the document name the hook, and what they would run parses."""
    own, hooks = the_hook(), shown_hooks()
    assert [hook["id"] for hook in hooks] == [own["id"]] * 2
    for hook in hooks:
        entry, args = hook.get("entry", own["entry"]), hook.get("args", [])
        parse([*shlex.split(entry)[1:], *args])


def test_a_slip_in_the_manifest_is_found() -> None:
    """A key that pre-commit does not know, and a hook without its language, are refused."""
    hook = the_hook()
    without = {key: value for key, value in hook.items() if key != "language"}
    for wrong in ({**hook, "pass_filename": False}, without):
        assert not Draft202012Validator(MANIFEST).is_valid([wrong])
