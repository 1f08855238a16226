from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from organizer.errors import RulesError
from organizer.rules.actions import CopyTo, Leave, MoveTo, Sidecar, Tag
from organizer.rules.fields import FIELDS
from organizer.rules.loader import load_rules, read_rules
from tests.rules.items import item

if TYPE_CHECKING:
    from pathlib import Path


def write(path: Path, text: str) -> Path:
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return path


def problems_in(tmp_path: Path, text: str) -> list[str]:
    path = write(tmp_path / "my.toml", text)
    with pytest.raises(RulesError) as caught:
        load_rules([path])
    assert caught.value.exit_code == 3
    return [problem.removeprefix(f"{path}: ") for problem in caught.value.problems]


def warnings_in(tmp_path: Path, text: str) -> list[str]:
    path = write(tmp_path / "my.toml", "version = 1\n" + textwrap.dedent(text))
    return [warning.removeprefix(f"{path}: ") for warning in load_rules([path]).warnings]


def test_every_action_is_read_with_its_rule_and_in_the_order_written(tmp_path: Path) -> None:
    path = write(
        tmp_path / "my.toml",
        """
        version = 1
        [[rule]]
        name = "All"
        when = { kind = "oneshot", pack = "*" }
        continue = true
        then = [
          { copy = "Copies/{name}", on_conflict = "skip" },
          { tag = { genre = "{category}", comment = "heard", mode = "append" } },
          { move = "Drums/{folder}/{name}" },
          { sidecar = "json" },
        ]
        [[rule]]
        name = "Off"
        enabled = false
        then = [{ leave = "not yet" }]
        """,
    )
    rules = load_rules([path]).rules
    copy, tag, move, sidecar = rules[0].then
    assert isinstance(copy, CopyTo) and copy.on_conflict == "skip"
    assert isinstance(tag, Tag) and list(tag.values) == ["genre", "comment"] and tag.mode == "append"
    assert isinstance(move, MoveTo) and move.on_conflict == "number"
    assert isinstance(sidecar, Sidecar)
    assert {action.rule for action in rules[0].then} == {"All"}
    assert rules[0].goes_on and rules[0].enabled and not rules[1].enabled
    assert rules[1].then == (Leave(reason="not yet", rule="Off"),)


def test_all_errors_come_at_once_each_with_its_place(tmp_path: Path) -> None:
    assert problems_in(
        tmp_path,
        """
        version = 2
        rules = 1
        [[rule]]
        name = "Kicks"
        whne = { kind = "oneshot" }
        when = { categry = "kick", confidence = 0.8 }
        then = [{ mvoe = "x" }, { move = "{nme}", on_conflict = "overwrite" }]
        [[rule]]
        when = 3
        then = []
        enabled = "no"
        [[rule]]
        name = " "
        """,
    ) == [
        'rules: expected version or [[rule]], found "rules"; did you mean "rule"?',
        "version: expected 1, found 2",
        'rule 1 "Kicks": whne: expected a key of a rule, found "whne"; did you mean "when"?',
        'rule 1 "Kicks": when.categry: expected a condition, found "categry"; did you mean "category"?',
        'rule 1 "Kicks": when.confidence: expected a range such as ">= 0.8" or "0.5..0.9", found 0.8',
        'rule 1 "Kicks": then[1].mvoe: expected an action, found "mvoe"; did you mean "move"?',
        'rule 1 "Kicks": then[2].move: expected a field, found "nme"; did you mean "name"?',
        'rule 1 "Kicks": then[2].on_conflict: expected "number" or "skip", found "overwrite"',
        'rule 2: name: expected a name such as "Kicks", found nothing',
        'rule 2: when: expected a table such as { kind = "loop" }, found 3',
        (
            "rule 2: then: expected a list of actions such as [{ move = "
            '"Drums/{folder}/{name}" }], found an empty list'
        ),
        'rule 2: enabled: expected true or false, found "no"',
        'rule 3: name: expected a name such as "Kicks", found " "',
        'rule 3: then: expected actions such as [{ move = "Drums/{folder}/{name}" }], found nothing',
    ]


@pytest.mark.parametrize(
    ("then", "problem"),
    [
        (
            '[{ move = "a/" }, { move = "b/" }]',
            "then: expected one move at most, found 2; `copy` may be given as often as needed",
        ),
        ('[{ move = "a/" }, { leave = true }]', "then: expected either move or leave, found both"),
        ('[{ move = "a/", copy = "b/" }]', "then[1]: expected one action in each table, found move and copy"),
        (
            '[{ on_conflict = "skip" }]',
            "then[1]: expected an action, found only on_conflict; known: copy, leave, link, move, "
            "sidecar, tag, unpack, xattr",
        ),
        (
            '[{ leave = true, on_conflict = "skip" }]',
            "then[1].on_conflict: expected beside move or copy or link, found beside leave",
        ),
        (
            '[{ unknown = "a/" }]',
            (
                'then[1].unknown: expected an action, found "unknown"; known: copy, kind, leave, library, '
                "link, move, on_conflict, sidecar, tag, unpack, xattr"
            ),
        ),
        (
            '[{ link = "a/", kind = "soft" }]',
            'then[1].kind: expected "hard" or "symbolic", found "soft"',
        ),
        ('[{ move = "a/", kind = "hard" }]', "then[1].kind: expected beside link, found beside move"),
        (
            "[{ xattr = [] }]",
            'then[1].xattr: expected tags such as ["{category}", "one-shot"], found an empty list',
        ),
        (
            '[{ xattr = ["{q}"] }]',
            'then[1].xattr[1]: expected a field, found "q"; known: ' + ", ".join(sorted(FIELDS)),
        ),
        (
            "[{ leave = false }]",
            'then[1].leave: expected true, or the reason such as "waits for me", found false',
        ),
        ('[{ sidecar = "xml" }]', 'then[1].sidecar: expected "json", "json-each" or "xmp", found "xml"'),
        ("[{ unpack = false }]", "then[1].unpack: expected true, found false"),
        ('[{ tag = "x" }]', 'then[1].tag: expected a table such as { genre = "{category}" }, found "x"'),
        (
            '[{ tag = { mode = "fill" } }]',
            'then[1].tag: expected a table such as { genre = "{category}" }, found a table',
        ),
        (
            '[{ tag = { gnere = "x" } }]',
            'then[1].tag.gnere: expected a tag, found "gnere"; did you mean "genre"?',
        ),
        (
            '[{ tag = { genre = "x", mode = "set" } }]',
            'then[1].tag.mode: expected "fill", "append" or "replace", found "set"',
        ),
        ('["leave"]', 'then[1]: expected a table such as { move = "Drums/{folder}/{name}" }, found "leave"'),
        (
            '{ move = "a/" }',
            'then: expected a list of actions such as [{ move = "Drums/{folder}/{name}" }], found a table',
        ),
    ],
)
def test_what_is_wrong_with_an_action_is_said(tmp_path: Path, then: str, problem: str) -> None:
    text = f'version = 1\n[[rule]]\nname = "A"\nthen = {then}\n'
    assert problems_in(tmp_path, text) == [f'rule 1 "A": {problem}']


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("version = ", "is not valid TOML: Invalid value (at end of document)"),
        ("", "version: expected 1, found nothing"),
        ("version = true", "version: expected 1, found true"),
        ("version = 1\nrule = 3", "rule: expected tables that begin with [[rule]], found 3"),
        ("version = 1\n[rule]\nname = 'x'", "rule: expected tables that begin with [[rule]], found a table"),
    ],
)
def test_a_file_that_is_no_rule_file_is_one_finding(tmp_path: Path, text: str, problem: str) -> None:
    assert problems_in(tmp_path, text) == [problem]


def test_a_file_that_cannot_be_read_does_not_hide_the_findings_in_another(tmp_path: Path) -> None:
    bad = write(tmp_path / "bad.toml", "version = 1\nx = 1")
    (tmp_path / "latin.toml").write_bytes(b"version = 1 # \xe9")
    with pytest.raises(RulesError) as caught:
        load_rules([tmp_path / "none.toml", bad, tmp_path / "latin.toml"])
    assert caught.value.problems == (
        f"{tmp_path}/none.toml: cannot be read: No such file or directory",
        f'{bad}: x: expected version or [[rule]], found "x"; known: rule, version',
        f"{tmp_path}/latin.toml: is not UTF-8 text (byte 14)",
    )


def test_files_are_one_list_in_the_order_given_and_the_digest_tells_every_change(tmp_path: Path) -> None:
    rule = 'version = 1\n[[rule]]\nname = "{}"\nwhen = {{ kind = "loop" }}\nthen = [{{ leave = true }}]\n'
    one, two = write(tmp_path / "1.toml", rule.format("A")), write(tmp_path / "2.toml", rule.format("B"))
    forth, back = load_rules([one, two]), load_rules([two, one])
    assert [r.name for r in forth.rules] == ["A", "B"]
    assert [r.name for r in back.rules] == ["B", "A"]
    assert forth.digest == load_rules([one, two]).digest != back.digest
    write(one, rule.format("C"))
    assert load_rules([one, two]).digest != forth.digest


def test_no_files_are_no_rules() -> None:
    assert load_rules([]).rules == ()


def test_a_byte_order_mark_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "my.toml"
    path.write_bytes(b"\xef\xbb\xbfversion = 1\n")
    assert load_rules([path]).rules == ()


CATCH_ALL = '[[rule]]\nname = "Doubt"\nthen = [{ move = "_Review/{name}" }]\n'
LOOPS = '[[rule]]\nname = "Loops"\nwhen = { kind = "loop" }\nthen = [{ move = "Loops/{name}" }]\n'


def test_a_rule_that_is_never_reached_is_named(tmp_path: Path) -> None:
    assert warnings_in(tmp_path, CATCH_ALL + LOOPS) == [
        'rule 2 "Loops": never reached: rule 1 "Doubt" takes every sound before it'
    ]


@pytest.mark.parametrize(
    "text",
    [
        LOOPS + CATCH_ALL,
        CATCH_ALL.replace("then", "continue = true\nthen").replace("move", "copy") + LOOPS,
        CATCH_ALL.replace("then", "enabled = false\nthen") + LOOPS,
        CATCH_ALL + LOOPS.replace('kind = "loop"', 'type = "midi"'),
        CATCH_ALL + LOOPS.replace('kind = "loop"', "readable = false"),
        CATCH_ALL + LOOPS.replace('kind = "loop"', "bundle = true"),
    ],
)
def test_a_rule_that_can_be_reached_is_not_warned_of(tmp_path: Path, text: str) -> None:
    assert warnings_in(tmp_path, text) == []


def rule_when(name: str, when: str) -> str:
    return f'[[rule]]\nname = "{name}"\nwhen = {{ {when} }}\nthen = [{{ leave = true }}]\n'


@pytest.mark.parametrize(
    ("when", "narrower"),
    [
        ('kind = "loop"', 'kind = "loop", bpm = "> 100"'),
        ('label = ["kick", "snare"]', 'label = "kick"'),
        ('confidence = ">= 0.5"', 'confidence = "0.8..0.9"'),
        ('confidence = "> 0.5"', 'confidence = ["> 0.6", "> 0.7"]'),
        ('pack = "*"', 'pack = "808*"'),
        ('pack = ["A*", "B*"]', 'all = [{ pack = "B*" }, { kind = "loop" }]'),
        ('not = { kind = "loop" }', 'not = { kind = "loop" }, confidence = "> 0.1"'),
        ('type = ["midi", "image"]', 'type = "midi"'),
        ("bundle = true", 'bundle = true, kind = "loop"'),
    ],
)
def test_a_rule_of_which_another_takes_all_is_named(tmp_path: Path, when: str, narrower: str) -> None:
    assert warnings_in(tmp_path, rule_when("Wide", when) + rule_when("Narrow", narrower)) == [
        'rule 2 "Narrow": never reached: rule 1 "Wide" takes all that it would before it'
    ]
    assert warnings_in(tmp_path, rule_when("Narrow", narrower) + rule_when("Wide", when)) == []


@pytest.mark.parametrize(
    ("when", "other"),
    [
        ('confidence = "> 0.5"', 'confidence = ">= 0.5"'),
        ('pack = "808*"', 'pack = "80*"'),
        ('kind = "loop"', 'any = [{ kind = "loop" }, { kind = "long" }]'),
        ('kind = "loop"', 'kind = "loop", bundle = true'),
        ('kind = "loop", bpm = "> 100"', 'kind = "loop"'),
        ('type = "audio"', 'kind = "loop"'),
    ],
)
def test_a_rule_that_takes_more_than_another_is_not_warned_of(tmp_path: Path, when: str, other: str) -> None:
    assert warnings_in(tmp_path, rule_when("One", when) + rule_when("Other", other)) == []


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        ('kind = "loop", label = "kick"', "only a oneshot has label"),
        ('kind = ["loop", "long"], note = "C"', "only a oneshot has note"),
        ('kind = "oneshot", bpm = "> 100"', "only a long or loop has bpm"),
        ('category = "kick", all = [{ kind = "loop" }]', "only a oneshot has category"),
        ('type = "midi", duration = "> 1"', "only sounds have duration"),
        ('readable = false, kind = "loop"', "what cannot be read has no kind"),
        ('category = "hihat", label = ["ride", "crash"]', "no crash or ride is of the category hihat"),
        (
            'confidence = "< 0.5", all = [{ confidence = "> 0.8" }]',
            "no confidence is both < 0.5 and > 0.8",
        ),
        ('kind = "loop", all = [{ kind = "oneshot" }]', "no kind is both loop and oneshot"),
    ],
)
def test_a_rule_that_can_never_hold_is_named(tmp_path: Path, when: str, reason: str) -> None:
    assert warnings_in(tmp_path, rule_when("Never", when)) == [f'rule 1 "Never": never holds: {reason}']


def test_a_move_that_never_happens_is_named(tmp_path: Path) -> None:
    assert warnings_in(tmp_path, CATCH_ALL.replace("then", "continue = true\nthen") + LOOPS) == [
        'rule 2 "Loops": its move never happens: rule 1 "Doubt" has placed every sound before it'
    ]


def test_a_name_given_twice_is_named(tmp_path: Path) -> None:
    assert warnings_in(tmp_path, LOOPS + LOOPS) == [
        'rule 2 "Loops": has the name of rule 1 "Loops" too; logs show names',
        'rule 2 "Loops": never reached: rule 1 "Loops" takes all that it would before it',
    ]


@pytest.mark.parametrize(
    ("when", "template", "lacking"),
    [
        ('kind = "loop"', "{label}/{name}", "label"),
        ('kind = "loop"', "{label|Loops}/{name}", None),
        ('kind = "oneshot"', "{folder}/{name}", None),
        ('kind = ["oneshot", "loop"]', "{folder}/{name}", "folder"),
        ('category = "kick"', "{label}/{name}", None),
        ('all = [{ label = "kick" }]', "{label}/{name}", None),
        ('any = [{ label = "kick" }, { kind = "loop" }]', "{label}/{name}", "label"),
        ('not = { category = "kick" }', "{category}/{name}", "category"),
        ('kind = "oneshot"', "{pack}/{name}", "pack"),
        ('pack = "X*"', "{pack}/{name}", None),
        ('type = "midi"', "{kind}/{name}", "kind"),
        ('type = "audio"', "{kind}/{name}", None),
        ("readable = false", "{format}/{name}", "format"),
        ("bundle = true", "{duration}/{name}", "duration"),
        ('bundle = true, duration = "> 1"', "{duration}/{name}", None),
        ('name = "*x*"', "{kind} {format} {subpath} {stem}.{ext}", None),
    ],
)
def test_a_value_that_a_rule_may_lack_is_named(
    tmp_path: Path, when: str, template: str, lacking: str | None
) -> None:
    text = f'[[rule]]\nname = "A"\nwhen = {{ {when} }}\nthen = [{{ move = "{template}" }}]\n'
    warning = (
        f'rule 1 "A": a file without {lacking} would be skipped; write a default, such as '
        f'"{{{lacking}|Unknown}}", or a condition that rules it out'
    )
    assert warnings_in(tmp_path, text) == ([warning] if lacking else [])


@given(st.text(max_size=200).map(str.encode) | st.binary(max_size=200))
def test_no_content_breaks_the_reader(content: bytes) -> None:
    problems: list[str] = []
    read_rules(content, file="my.toml", problems=problems)
    assert all(problem.startswith("my.toml: ") for problem in problems)


words = st.sampled_from(
    [
        "version",
        "rule",
        "name",
        "when",
        "then",
        "kind",
        "confidence",
        "any",
        "not",
        "move",
        "copy",
        "tag",
        "mode",
        "on_conflict",
        "leave",
        "sidecar",
        "link",
        "xattr",
        "metadata",
        "key",
        "continue",
        "bundle",
        "loop",
        ">= 0.8",
        "{name}",
        "a/",
    ]
)
scalars = words | st.booleans() | st.integers(-2, 2) | st.floats(allow_nan=False, allow_infinity=False)
tables = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=4),
    max_leaves=12,
)


def as_toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {as_toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_toml, value)) + "]"
    return json.dumps(value)


@given(st.dictionaries(words, tables, max_size=5), tables)
def test_whatever_stands_in_a_rule_is_read_or_a_finding(rule: dict[str, object], when: object) -> None:
    content = f"version = 1\nrule = [{as_toml({'when': when, 'then': [{'leave': True}], **rule})}]\n"
    problems: list[str] = []
    (read,) = read_rules(content.encode(), file="my.toml", problems=problems)
    assert all(problem.startswith("my.toml: rule 1") for problem in problems)
    if not problems:
        assert read.then
        read.judge(item())


def test_dots_without_end_are_a_finding(tmp_path: Path) -> None:
    deep = "when." + "not." * 5000 + "kind = 'loop'"
    problems = problems_in(
        tmp_path, f"version = 1\n[[rule]]\nname = 'A'\nthen = [{{leave = true}}]\n{deep}\n"
    )
    assert len(problems) == 1
    assert len(problems[0]) < 400
