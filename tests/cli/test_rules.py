from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ran

    Run = Callable[..., Ran]
    Make = Callable[..., Path]


def test_a_check_reports_everything_and_exits_with_3(run: Run, ready: Path) -> None:
    assert run("rules", "check").code == 0
    bad = ready / "bad.toml"
    bad.write_text('version = 1\n[[rule]]\nname = "a"\nwhen = { kinds = "loop" }\nthen = [{ mvoe = "x" }]\n')
    ran = run("rules", "check", bad)
    assert ran.code == 3
    assert "kinds" in ran.err
    assert "mvoe" in ran.err
    assert len(json.loads(run("rules", "check", "--json", bad).out)["problems"]) == 2


def test_a_file_without_a_rule_is_warned_of(run: Run, ready: Path) -> None:
    empty = ready / "empty.toml"
    empty.write_text("version = 1\n")
    ran = run("rules", "check", empty)
    assert (ran.code, ran.out) == (0, "0 rules in 1 file, all valid\n")
    assert ran.err == "warning: no rule: nothing would ever be filed\n"
    off = '[[rule]]\nname = "a"\nenabled = false\nthen = [{ move = "x/{name}" }]\n'
    empty.write_text(f"version = 1\n{off}")
    told = json.loads(run("rules", "check", "--json", empty).out)
    assert told["warnings"] == ["no rule: nothing would ever be filed"]


RULES = """version = 1
[[rule]]
name = "Loops"
when = { kind = "loop", duration = "> 1" }
then = [{ move = "Loops/{name}" }]
[[rule]]
name = "Kicks"
when = { kind = "oneshot", category = "kick" }
then = [{ move = "Kicks/{name}" }]
[[rule]]
name = "Rest"
then = [{ move = "Rest/{name}" }]
"""


def test_each_rule_and_each_condition_is_explained(run: Run, ready: Path, make_pack: Make) -> None:
    (ready / "home" / "rules" / "default.toml").write_text(RULES)
    kick = make_pack(ready / "Inbox" / "Kit", {"Kicks/VEH1 Bassdrum 001.wav": "Kick.wav"}) / "Kick.wav"
    told = json.loads(run("rules", "explain", "--json", kick).out)
    assert told["rule"] == "Kicks"
    assert [(one["rule"], one["number"], one["held"]) for one in told["rules"]] == [
        ("Loops", 1, False), ("Kicks", 2, True), ("Rest", 3, False)
    ]  # fmt: skip
    assert [[one["held"] for one in rule["conditions"]] for rule in told["rules"]] == [
        [False, False], [True, True], []
    ]  # fmt: skip
    shown = run("rules", "explain", kick).out
    assert "- Loops (default.toml, rule 1)\n    no  kind is oneshot, not loop\n    no  duration is " in shown
    assert "* Kicks (default.toml, rule 2)\n    yes kind is oneshot\n    yes category is kick\n" in shown
    assert 'so no: not asked: "Kicks" comes first' in shown
    assert shown.endswith('"Kicks" wins\n')
    assert kick.exists()


def test_a_filed_sound_and_what_is_none_are_explained_too(run: Run, ready: Path, make_pack: Make) -> None:
    (ready / "home" / "rules" / "default.toml").write_text(RULES)
    pack = make_pack(ready / "Inbox" / "Kit", {"Kicks/VEH1 Bassdrum 001.wav": "Kick.wav"})
    run("sort", pack, "--yes")
    assert json.loads(run("rules", "explain", "--json", pack / "Kick.wav").out)["rule"] == "Kicks"
    (ready / "Inbox" / "notes.txt").write_text("hello")
    ran = run("rules", "explain", ready / "Inbox" / "notes.txt")
    assert ran.code == 0
    assert "so no: its type is document, and the rule names no type" in ran.out
    assert ran.out.endswith("no rule wins: the file stays\n")
    assert run("rules", "explain", pack.parent).code == 2
