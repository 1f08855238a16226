"""The JSON Schema that ships: made from the code, and of one mind with the reader where a schema can be."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from organizer.resources import shipped
from organizer.rules.loader import read_rules
from organizer.rules.schema import FILE_NAME, schema

if TYPE_CHECKING:
    from pathlib import Path

VALIDATOR: Any = Draft202012Validator(schema())
SHIPPED = sorted(shipped("rules").glob("*.toml"))


def is_read(text: str) -> bool:
    problems: list[str] = []
    read_rules(text.encode(), file="my.toml", problems=problems)
    return not problems


def fits(text: str) -> bool:
    return bool(VALIDATOR.is_valid(tomllib.loads(text)))


def test_the_file_that_ships_is_what_the_code_gives() -> None:
    Draft202012Validator.check_schema(schema())
    assert json.loads(shipped("rules", FILE_NAME).read_text(encoding="utf-8")) == schema()


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_the_rules_that_ship_fit_and_name_it_in_their_first_line(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.splitlines()[0] == f"#:schema ./{FILE_NAME}"
    assert fits(text)


@pytest.mark.parametrize(
    ("rule", "good"),
    [
        ("", True),
        (
            'when = { kind = "loop", confidence = [">= 0.8", "0.1..0.2"], metadata = { genre = "House" } }',
            True,
        ),
        (
            'when = { "audio.confidence" = ">= 0.8", any = [{ key = "Am" }, { not = { label = "kick" } }] }',
            True,
        ),
        ('when = { readable = false }\non_duplicate = "trash"\ncontinue = true\nenabled = false', True),
        ('when = { kind = "lop" }', False),
        ('when = { knid = "loop" }', False),
        ("when = { label = [] }", False),
        ('when = { readable = "no" }', False),
        ("when = { not = {} }", False),
        ("when = { any = [] }", False),
        ('when = { metadata = { gnre = "House" } }', False),
        ('on_duplicate = "delete"', False),
        ("more = 1", False),
        ('when = { confidence = "high" }', False),
        ('when = { channels = 2, bpm = [120, "130..140"] }', True),
        ("when = { metadata = {} }", False),
        ('when = { format = "" }', False),
    ],
)
def test_conditions_and_keys_are_described_as_they_are_read(rule: str, good: bool) -> None:
    text = f'version = 1\n[[rule]]\nname = "A"\nthen = [{{ leave = true }}]\n{rule}\n'
    assert (fits(text), is_read(text)) == (good, good)


@pytest.mark.parametrize(
    ("then", "good"),
    [
        ('{ move = "a/{name}", on_conflict = "skip", library = "ssd" }', True),
        ('{ link = "a/", kind = "symbolic" }, { copy = "b/" }', True),
        ('{ tag = { genre = "{category}", label = "{label}", mode = "append" } }', True),
        ('{ xattr = ["a", "b"] }, { xattr = "c" }, { sidecar = "xmp" }, { sidecar = "json-each" }', True),
        ('{ leave = "waits" }', True),
        ("", False),
        ('{ move = "a/", kind = "hard" }', False),
        ('{ move = "/a" }', False),
        ('{ move = "a", copy = "b" }', False),
        ('{ tag = { gnre = "x" } }', False),
        ('{ sidecar = "xml" }', False),
        ("{ xattr = [] }", False),
        ('{ tag = { mode = "fill" } }', False),
        ('{ move = " " }', False),
        ("{ leave = false }", False),
        ("{ }", False),
    ],
)
def test_actions_are_described_as_they_are_read(then: str, good: bool) -> None:
    text = f'version = 1\n[[rule]]\nname = "A"\nthen = [{then}]\n'
    assert (fits(text), is_read(text)) == (good, good)


@pytest.mark.parametrize(
    "text", ["", "version = 2", 'version = 1\nrule = "x"', 'version = 1\n[[rule]]\nname = " "\n']
)
def test_a_file_without_its_frame_is_refused_by_both(text: str) -> None:
    assert (fits(text), is_read(text)) == (False, False)
