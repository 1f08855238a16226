"""Reads rule files. The only module of `rules` that opens files; it reports every finding at once."""

from __future__ import annotations

import tomllib
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, cast, get_args

from organizer.errors import RulesError
from organizer.rules.actions import read_then
from organizer.rules.advice import warnings_for
from organizer.rules.conditions import AllOf, read_when
from organizer.rules.problems import Place
from organizer.rules.ruleset import OnDuplicate, Rule, RuleSet

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

VERSION = 1
_OF_FILE = ("version", "rule")
_OF_RULE = ("name", "when", "then", "continue", "enabled", "on_duplicate")


def load_rules(paths: Sequence[Path], *, libraries: Collection[str] | None = None) -> RuleSet:
    """Read rule files in the order given, as one list of rules; raise RulesError with all that is wrong.

    `libraries` are those that rules may name, where that is known.
    """
    problems: list[str] = []
    rules: list[Rule] = []
    digest = blake2b(digest_size=16)
    for path in paths:
        try:
            content = path.read_bytes()
        except OSError as error:
            problems.append(f"{path}: cannot be read: {error.strerror}")
            continue
        digest.update(len(content).to_bytes(8, "big") + content)
        rules += read_rules(content, file=str(path), problems=problems, libraries=libraries)
    if problems:
        raise RulesError(
            tuple(problems),
            path=paths[0] if len(paths) == 1 else None,
            hint="Correct the file; `organizer rules check` looks at it again.",
        )
    return RuleSet(rules=tuple(rules), digest=f"b2:{digest.hexdigest()}", warnings=warnings_for(rules))


def read_rules(
    content: bytes, *, file: str, problems: list[str], libraries: Collection[str] | None = None
) -> list[Rule]:
    """Read the rules of one file, noting in `problems` what is wrong."""
    place = Place(problems=problems, file=file, libraries=libraries)
    try:
        table = tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        place.note(f"is not UTF-8 text (byte {error.start})")
        return []
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        place.note(f"is not valid TOML: {str(error) or 'nested too deeply'}")
        return []
    for key in [key for key in table if key not in _OF_FILE]:
        place.at(key).unknown("version or [[rule]]", key, _OF_FILE)
    if "version" not in table:
        place.at("version").expected(str(VERSION))
    elif table["version"] != VERSION or isinstance(table["version"], bool):
        place.at("version").expected(str(VERSION), table["version"])
    entries = table.get("rule", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        place.at("rule").expected("tables that begin with [[rule]]", entries)
        return []
    return [_read_rule(entry, number, place) for number, entry in enumerate(entries, 1)]


def _read_rule(table: dict[str, Any], number: int, file: Place) -> Rule:
    name = table.get("name")
    named = isinstance(name, str) and bool(name.strip())
    place = file.within(f'rule {number} "{name}"' if named else f"rule {number}")
    if not named:
        place.at("name").expected('a name such as "Kicks"', *([name] if "name" in table else []))
    for key in [key for key in table if key not in _OF_RULE]:
        place.at(key).unknown("a key of a rule", key, _OF_RULE)
    if "then" not in table:
        place.at("then").expected('actions such as [{ move = "Drums/{folder}/{name}" }]')
    return Rule(
        name=str(name),
        when=read_when(table["when"], place.at("when")) if "when" in table else AllOf(()),
        then=read_then(table["then"], place.at("then"), rule=str(name)) if "then" in table else (),
        goes_on=_switch(table, "continue", place, absent=False),
        enabled=_switch(table, "enabled", place, absent=True),
        on_duplicate=_on_duplicate(table, place),
        file=file.file,
        number=number,
    )


def _on_duplicate(table: dict[str, Any], place: Place) -> OnDuplicate:
    value = table.get("on_duplicate", "keep")
    if value not in get_args(OnDuplicate):
        place.at("on_duplicate").expected('"keep", "skip", "trash" or "link"', value)
    return cast("OnDuplicate", value)


def _switch(table: dict[str, Any], key: str, place: Place, *, absent: bool) -> bool:
    value = table.get(key, absent)
    if not isinstance(value, bool):
        place.at(key).expected("true or false", value)
    return value is True
