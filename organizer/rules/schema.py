"""The JSON Schema of rule files, made from what the reader knows, so that editors complete and check.
Pure."""

from __future__ import annotations

from typing import Any, get_args

from organizer.rules.actions import (
    COMMON_TAGS,
    OWN_TAGS,
    Conflict,
    LinkKind,
    SidecarFormat,
    TagMode,
)
from organizer.rules.fields import FIELDS
from organizer.rules.loader import VERSION
from organizer.rules.ruleset import OnDuplicate
from organizer.rules.words import WORDS

FILE_NAME = "rules.schema.json"
_BLANKS = " ".join(f"{{{field}}}" for field in FIELDS)


def schema() -> dict[str, Any]:
    """Describe a rule file (JSON Schema, draft 2020-12). What only the reader can check, templates, is text
    here."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Rules of Organizer",
        "type": "object",
        "required": ["version"],
        "additionalProperties": False,
        "properties": {
            "version": {"const": VERSION},
            "rule": {
                "type": "array",
                "items": _rule(),
                "description": "Asked in order; the first that holds wins.",
            },
        },
        "$defs": {"when": _when(), "path": _path(), "text": _text()},
    }


def _rule() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["name", "then"],
        "additionalProperties": False,
        "properties": {
            "name": {"type": "string", "pattern": r"\S"},
            "when": {"$ref": "#/$defs/when"},
            "then": {"type": "array", "minItems": 1, "items": {"oneOf": _actions()}},
            "continue": {"type": "boolean", "description": "Later rules are asked too."},
            "enabled": {"type": "boolean", "default": True},
            "on_duplicate": {
                "enum": [*get_args(OnDuplicate)],
                "default": "keep",
                "description": "What becomes of a sound that the library has already.",
            },
        },
    }


def _when() -> dict[str, Any]:
    plain = {word: term.schema() for word, term in WORDS.items()}
    tables: dict[str, dict[str, Any]] = {}
    for word, described in plain.items():
        table, dot, name = word.partition(".")
        if dot:
            tables.setdefault(table, {})[name] = described
    nested = {
        table: {"type": "object", "properties": words, "additionalProperties": False, "minProperties": 1}
        for table, words in tables.items()
    }
    inner = {"$ref": "#/$defs/when"}
    return {
        "type": "object",
        "description": "All of it must hold.",
        "additionalProperties": False,
        "properties": {
            **plain,
            **nested,
            "any": {"type": "array", "items": inner, "minItems": 1},
            "all": {"type": "array", "items": inner, "minItems": 1},
            "not": {"allOf": [inner], "minProperties": 1},
        },
    }


def _actions() -> list[dict[str, Any]]:
    beside: dict[str, dict[str, Any]] = {
        "on_conflict": {"enum": [*get_args(Conflict)], "default": "number"},
        "library": {"type": "string", "minLength": 1},
    }
    path, text = {"$ref": "#/$defs/path"}, {"$ref": "#/$defs/text"}
    tags = dict.fromkeys((*COMMON_TAGS, *OWN_TAGS), text)
    return [
        _action("move", path, **beside),
        _action("copy", path, **beside),
        _action("link", path, **beside, kind={"enum": [*get_args(LinkKind)], "default": "hard"}),
        _action(
            "tag",
            {
                "type": "object",
                "anyOf": [{"required": [name]} for name in tags],
                "additionalProperties": False,
                "properties": {**tags, "mode": {"enum": [*get_args(TagMode)], "default": "fill"}},
            },
        ),
        _action("xattr", {"anyOf": [text, {"type": "array", "items": text, "minItems": 1}]}),
        _action("sidecar", {"enum": [*get_args(SidecarFormat)]}),
        _action("unpack", {"const": True}),
        _action("leave", {"anyOf": [{"const": True}, {"type": "string", "pattern": r"\S"}]}),
    ]


def _action(word: str, value: dict[str, Any], **beside: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": [word],
        "additionalProperties": False,
        "properties": {word: value, **beside},
    }


def _path() -> dict[str, Any]:
    return {
        "type": "string",
        "pattern": r"^(?=.*[^/ ])[^/~\\][^\\]*$",
        "description": f"A path below the library. Fields: {_BLANKS}; {{pack|Loose}} gives a default.",
    }


def _text() -> dict[str, Any]:
    return {"type": "string", "description": f"A text. Fields: {_BLANKS}; {{pack|none}} gives a default."}
