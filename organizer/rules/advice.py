"""What is likely not meant in a rule file that is valid: warnings. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from organizer.labels import CATEGORY_OF
from organizer.rules.actions import CopyTo, LinkAt, MoveTo
from organizer.rules.conditions import AllOf
from organizer.rules.terms import Asked, Glob, Number, OneOf, either
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
# Which kinds can have what a word asks for.
_KINDS_OF = {
    **dict.fromkeys(_ASKS_FOR_ONESHOT, frozenset({"oneshot"})),
    **dict.fromkeys(("content", "content_confidence"), frozenset({"loop"})),
    **dict.fromkeys(("bpm", "bpm_confidence"), frozenset({"loop", "long"})),
}
# Fields that are there where a rule asks for them, or for their confidence.
_ASKED = frozenset({"pack", "content", "bpm", "key", "note"})
# A rule that names one of these sees files that other rules pass over.
_OPENING = frozenset({"type", "readable", "bundle"})


def warnings_for(rules: Sequence[Rule]) -> tuple[str, ...]:
    """Find rules that never hold or are never reached, moves that never happen, values that may be
    missing."""
    rules = [rule for rule in rules if rule.enabled]
    return (
        *_twice_named(rules),
        *_never_hold(rules),
        *_never_reached(rules),
        *_never_moved(rules),
        *_may_lack(rules),
    )


def _twice_named(rules: Sequence[Rule]) -> list[str]:
    first: dict[str, Rule] = {}
    found = []
    for rule in rules:
        other = first.setdefault(rule.name, rule)
        if other is not rule:
            found.append(f"{_spot(rule)}: has the name of {_number(other, rule)} too; logs show names")
    return found


def _never_hold(rules: Sequence[Rule]) -> list[str]:
    return [
        f"{_spot(rule)}: never holds: {reason}"
        for rule in rules
        if (reason := _contradiction(_demanded(rule.when)))
    ]


def _contradiction(demanded: Sequence[Asked]) -> str:
    """Say why all of these can never hold at once; empty where nothing speaks against it."""
    kinds = {str(kind) for one in demanded if one.word == "kind" for kind in one.wanted}
    types = {str(type_) for one in demanded if one.word == "type" for type_ in one.wanted}
    readable = next((one.wanted[0] for one in demanded if one.word == "readable"), True)
    for one in demanded:
        needs = _KINDS_OF.get(one.word)
        if kinds and needs and not kinds & needs:
            return f"only a {' or '.join(sorted(needs))} has {one.word}"
        if one.word in _ASKS_FOR_SOUND and types and FileType.AUDIO not in types:
            return f"only sounds have {one.word}"
        if one.word in _ASKS_FOR_SOUND and not readable:
            return f"what cannot be read has no {one.word}"
    for place, one in enumerate(demanded):
        for other in demanded[place + 1 :]:
            if one.word == other.word and isinstance(one.term, OneOf) and not {*one.wanted} & {*other.wanted}:
                return f"no {one.word} is both {either(one.wanted)} and {either(other.wanted)}"
            apart = isinstance(one.term, Number) and not any(
                this.meets(that) for this in one.wanted for that in other.wanted if one.word == other.word
            )
            if one.word == other.word and apart:
                return f"no {one.word} is both {either(one.wanted)} and {either(other.wanted)}"
    labels = {label for one in demanded if one.word == "label" for label in one.wanted}
    categories = {category for one in demanded if one.word == "category" for category in one.wanted}
    if labels and categories and not categories & {CATEGORY_OF[label] for label in labels}:
        return f"no {either(tuple(sorted(labels)))} is of the category {either(tuple(sorted(categories)))}"
    return ""


def _never_reached(rules: Sequence[Rule]) -> list[str]:
    found = []
    for place, rule in enumerate(rules):
        before = next((one for one in rules[:place] if _takes_all_of(one, rule)), None)
        if before is None:
            continue
        what = "all that it would" if before.when.conditions else "every sound"
        found.append(f"{_spot(rule)}: never reached: {_number(before, rule)} takes {what} before it")
    return found


def _takes_all_of(before: Rule, rule: Rule) -> bool:
    """Say whether an earlier rule takes whatever a later one would."""
    if before.goes_on or rule.words & _OPENING - before.words:
        return False
    demanded = _flat(rule.when)
    return all(any(_implies(one, wanted) for one in demanded) for wanted in _flat(before.when))


def _implies(one: Condition, other: Condition) -> bool:
    """Say whether the second holds wherever the first does."""
    if not isinstance(one, Asked) or not isinstance(other, Asked):
        return one == other
    if one.word != other.word:
        return False
    if isinstance(one.term, Number):
        return all(any(wide.contains(narrow) for wide in other.wanted) for narrow in one.wanted)
    return set(one.wanted) <= set(other.wanted) or (isinstance(one.term, Glob) and "*" in other.wanted)


def _flat(condition: Condition) -> list[Condition]:
    if isinstance(condition, AllOf):
        return [inner for one in condition.conditions for inner in _flat(one)]
    return [condition]


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
            if not isinstance(action, MoveTo | CopyTo | LinkAt):
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
    return [one for one in _flat(condition) if isinstance(one, Asked)]


def _spot(rule: Rule) -> str:
    return f'{rule.file}: rule {rule.number} "{rule.name}"'


def _number(rule: Rule, seen_from: Rule) -> str:
    place = "" if rule.file == seen_from.file else f" of {rule.file}"
    return f'rule {rule.number} "{rule.name}"{place}'
