from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ran

    Run = Callable[..., Ran]


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
