from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from organizer.rules.actions import CopyTo, Leave, MoveTo
from organizer.rules.loader import read_rules
from organizer.rules.ruleset import RuleSet
from organizer.sample import Kind
from tests.rules.items import item, sound

if TYPE_CHECKING:
    from organizer.sample import Item

KICK = item()
LOOP = item("Pack/break.wav", sound(kind=Kind.LOOP))
MIDI = item("Pack/break.mid")
BROKEN = item("Pack/x.wav", problem="it is empty")
BUNDLED = item("Pack/Kit/kick.wav", bundle="Pack/Kit")
BUNDLED_PRESET = item("Pack/Kit/kit.sfz", bundle="Pack/Kit")
BUNDLED_BROKEN = item("Pack/Kit/x.wav", problem="it is empty", bundle="Pack/Kit")


def rules(text: str) -> RuleSet:
    problems: list[str] = []
    read = read_rules(f"version = 1\n{text}".encode(), file="my.toml", problems=problems)
    assert not problems
    return RuleSet(rules=tuple(read), digest="")


def rule(name: str, when: str = "", then: str = '{ move = "x/" }', more: str = "") -> str:
    return f'[[rule]]\nname = "{name}"\nwhen = {{ {when} }}\nthen = [{then}]\n{more}\n'


def test_the_first_rule_that_holds_wins_and_every_rule_says_why() -> None:
    decision = rules(
        rule("Off", more="enabled = false")
        + rule("Loops", 'kind = "loop"')
        + rule("Snares", 'category = "snare", confidence = ">= 0.99"')
        + rule("Kicks", 'category = "kick"')
        + rule("Rest")
    ).decide(KICK)
    assert [(one.rule_name, one.held, one.why) for one in decision.trace] == [
        ("Off", False, "it is switched off"),
        ("Loops", False, "kind is oneshot, not loop"),
        ("Snares", False, "category is kick, not snare; confidence is 0.95, not >= 0.99"),
        ("Kicks", True, "holds"),
        ("Rest", False, 'not asked: "Kicks" comes first'),
    ]
    assert decision.rule is not None and decision.rule.name == "Kicks"
    assert [type(action) for action in decision.actions] == [MoveTo]


def test_a_file_that_no_rule_takes_has_no_rule_and_no_actions() -> None:
    decision = rules(rule("Loops", 'kind = "loop"')).decide(KICK)
    assert decision.rule is None
    assert decision.actions == ()


@pytest.mark.parametrize(
    ("when", "taken"),
    [
        ("", ["KICK"]),
        ('type = "midi"', ["MIDI"]),
        ('type = ["audio", "midi"]', ["KICK", "MIDI"]),
        ("readable = false", ["BROKEN"]),
        ("readable = true", ["KICK"]),
        ('type = "audio", any = [{ readable = true }, { readable = false }]', ["KICK", "BROKEN"]),
        ("bundle = true", ["BUNDLED", "BUNDLED_PRESET", "BUNDLED_BROKEN"]),
        ("bundle = false", ["KICK"]),
        (
            "any = [{ bundle = true }, { kind = 'oneshot' }]",
            ["KICK", "BUNDLED", "BUNDLED_PRESET", "BUNDLED_BROKEN"],
        ),
    ],
)
def test_a_rule_sees_readable_sounds_outside_bundles_unless_it_names_others(
    when: str, taken: list[str]
) -> None:
    items: dict[str, Item] = {
        "KICK": KICK,
        "MIDI": MIDI,
        "BROKEN": BROKEN,
        "BUNDLED": BUNDLED,
        "BUNDLED_PRESET": BUNDLED_PRESET,
        "BUNDLED_BROKEN": BUNDLED_BROKEN,
    }
    ruleset = rules(rule("A", when))
    assert [name for name, one in items.items() if ruleset.decide(one).rule] == taken


@pytest.mark.parametrize(
    ("subject", "why"),
    [
        (MIDI, "its type is midi, and the rule names no type"),
        (BROKEN, "it cannot be read, and the rule does not name readable"),
        (BUNDLED, "it lies in the bundle Kit, and the rule does not say bundle = true"),
    ],
)
def test_a_file_that_is_passed_over_is_told_why(subject: Item, why: str) -> None:
    assert rules(rule("A")).decide(subject).trace[0].why == why


def test_a_rule_that_goes_on_adds_its_actions_to_those_of_the_next() -> None:
    decision = rules(
        rule("Copies", then='{ copy = "c/" }', more="continue = true")
        + rule("Kicks", 'category = "kick"')
        + rule("Rest")
    ).decide(KICK)
    assert [(type(action), action.rule) for action in decision.actions] == [
        (CopyTo, "Copies"),
        (MoveTo, "Kicks"),
    ]
    assert decision.rule is not None and decision.rule.name == "Kicks"
    assert [one.held for one in decision.trace] == [True, True, False]


def test_a_file_is_placed_once_by_the_first_rule_that_places_it() -> None:
    decision = rules(
        rule("First", then='{ leave = "mine" }', more="continue = true")
        + rule("Second", then='{ move = "x/" }, { copy = "c/" }')
    ).decide(KICK)
    assert [type(action) for action in decision.actions] == [Leave, CopyTo]
    assert decision.rule is not None and decision.rule.name == "First"
    assert decision.trace[1].why == 'holds, but "First" has placed the file'


def test_a_rule_that_only_goes_on_is_the_rule_where_no_other_holds() -> None:
    decision = rules(rule("Copies", then='{ copy = "c/" }', more="continue = true")).decide(LOOP)
    assert decision.rule is not None and decision.rule.name == "Copies"
