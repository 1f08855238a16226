"""What is likely not meant in a rule file that is valid: warnings. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from organizer.rules.actions import CopyTo, MoveTo
from organizer.rules.conditions import AllOf
from organizer.rules.terms import Asked
from organizer.rules.words import WORDS
from organizer.sample import FileType, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from organizer.rules.conditions import Condition
    from organizer.rules.ruleset import Rule

_ALWAYS = frozenset({"name", "stem", "ext", "subpath", "inbox", "date"})
_OF_SOUNDS = frozenset({"kind", "confidence", "duration", "format", "samplerate", "channels", "model"})
_OF_ONESHOTS = frozenset({"folder", "label", "category"})
# What only a sound has: each word but those that any file answers to.
_ASKS_FOR_SOUND = WORDS.keys() - {"pack", "inbox", "name", "path", "size", "type", "readable", "bundle"}
_ASKS_FOR_ONESHOT = frozenset({"label", "category", "label_confidence", "margin", "note", "note_confidence"})
# Fields that are there where a rule asks for them, or for their confidence.
_ASKED = frozenset({"pack", "content", "bpm", "key", "note"})
# A rule that names one of these sees files that other rules pass over.
_OPENING = frozenset({"type", "readable", "bundle"})


def warnings_for(rules: Sequence[Rule]) -> tuple[str, ...]:
    """Find rules that are never reached, moves that never happen, values that may be missing."""
    rules = [rule for rule in rules if rule.enabled]
    return (*_twice_named(rules), *_never_reached(rules), *_never_moved(rules), *_may_lack(rules))


def _twice_named(rules: Sequence[Rule]) -> list[str]:
    first: dict[str, Rule] = {}
    found = []
    for rule in rules:
        other = first.setdefault(rule.name, rule)
        if other is not rule:
            found.append(f"{_spot(rule)}: has the name of {_number(other, rule)} too; logs show names")
    return found


def _never_reached(rules: Sequence[Rule]) -> list[str]:
    found = []
    catcher: Rule | None = None
    for rule in rules:
        if catcher and not rule.words & _OPENING:
            by = _number(catcher, rule)
            found.append(f"{_spot(rule)}: never reached: {by} takes every sound before it")
        elif not rule.when.conditions and not rule.goes_on:
            catcher = rule
    return found


def _never_moved(rules: Sequence[Rule]) -> list[str]:
    mover = next((rule for rule in rules if rule.goes_on and rule.settles and not rule.when.conditions), None)
    if mover is None:
        return []
    later = rules[rules.index(mover) + 1 :]
    return [
        f"{_spot(rule)}: its move never happens: {_number(mover, rule)} has placed every sound before it"
        for rule in later
        if rule.settles and not rule.words & _OPENING
    ]


def _may_lack(rules: Sequence[Rule]) -> list[str]:
    found = []
    for rule in rules:
        sure = _surely_present(rule)
        for action in rule.then:
            if not isinstance(action, MoveTo | CopyTo):
                continue
            lacking = {blank.field: None for blank in action.template.blanks if blank.default is None}
            for field in lacking:
                if field not in sure:
                    found.append(
                        f"{_spot(rule)}: a file without {field} would be skipped; "
                        f'write a default, such as "{{{field}|Unknown}}", or a condition that rules it out'
                    )
    return found


def _surely_present(rule: Rule) -> frozenset[str]:
    demanded = _demanded(rule.when)
    words = {one.word for one in demanded}
    only_audio = any(one.word == "type" and one.wanted == (FileType.AUDIO,) for one in demanded)
    sound = not rule.words & _OPENING or bool(words & _ASKS_FOR_SOUND)
    sound = sound or (only_audio and not rule.words & {"readable", "bundle"})
    oneshot = bool(words & _ASKS_FOR_ONESHOT) or any(
        one.word == "kind" and one.wanted == (Kind.ONESHOT,) for one in demanded
    )
    return (
        _ALWAYS
        | (_OF_SOUNDS if sound else frozenset())
        | (_OF_ONESHOTS if oneshot else frozenset())
        | {field for field in _ASKED if {field, f"{field}_confidence"} & words}
    )


def _demanded(condition: Condition) -> list[Asked]:
    """Give the words that hold whenever the whole does."""
    if isinstance(condition, AllOf):
        return [inner for one in condition.conditions for inner in _demanded(one)]
    return [condition] if isinstance(condition, Asked) else []


def _spot(rule: Rule) -> str:
    return f'{rule.file}: rule {rule.number} "{rule.name}"'


def _number(rule: Rule, seen_from: Rule) -> str:
    place = "" if rule.file == seen_from.file else f" of {rule.file}"
    return f'rule {rule.number} "{rule.name}"{place}'
