"""Every snippet of the README works as printed."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from organizer.config import Home, dump, load
from organizer.recognition.vocabulary import Vocabulary
from organizer.rules.loader import load_rules

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
# These two install packages, which a test has no network for; `.ci/run` runs both as printed.
SET_UP = re.compile(r"^python3 -m venv ")


def _blocks(language: str) -> list[str]:
    return [text for name, text in BLOCKS if name == language]


def test_no_block_is_of_a_language_that_nothing_runs() -> None:
    assert {name for name, _ in BLOCKS} == {"sh", "console", "toml", "text"}


def test_two_commands_do_all_the_set_up() -> None:
    lines = [line for block in _blocks("sh") for line in block.splitlines() if SET_UP.match(line)]
    assert len(lines) == 2
    assert lines[0].endswith("organizer demo")
    assert lines[1].endswith("pytest")


@pytest.mark.parametrize("text", [text for text in _blocks("toml") if "[[rule]]" in text])
def test_each_rule_file_is_valid(text: str, tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(text, encoding="utf-8")
    loaded = load_rules([path])
    assert loaded.rules
    assert not loaded.warnings


@pytest.mark.parametrize("text", [text for text in _blocks("toml") if "[[rule]]" not in text])
def test_each_configuration_is_valid(text: str, tmp_path: Path) -> None:
    home = Home.find({"ORGANIZER_HOME": str(tmp_path)})
    if "library =" not in text:  # a part, to be added to a whole configuration
        inbox = '[[inbox]]\npath = "/inbox"\n'
        text = f'library = "/library"\n{inbox + text if text.startswith("[") else text + inbox}'
    home.config_file.write_text(text, encoding="utf-8")
    config = load(home)
    assert dump(config)
    assert Vocabulary.load(config.vocabulary).digest


def test_the_commands_work_in_the_order_of_the_page(tmp_path: Path, make_pack: Callable[..., Path]) -> None:
    """Run what follows each `$` in one home, after what the page says was dropped into the inbox."""
    environment = {**os.environ, "HOME": str(tmp_path), "PATH": f"{_shim(tmp_path)}:{os.environ['PATH']}"}
    commands = [
        line.removeprefix("$ ")
        for block in _blocks("console")
        for line in block.splitlines()
        if line.startswith("$ ")
    ]
    assert len(commands) >= 8
    make_pack(tmp_path / "Downloads" / "Analog Kit")
    for command in commands:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        # `status` says by its exit code that no service runs.
        allowed = (0, 6) if "organizer status" in command else (0,)
        assert done.returncode in allowed, f"$ {command}\n{done.stdout}{done.stderr}"


def _shim(tmp_path: Path) -> Path:
    """Put an `organizer` on the path that is this checkout's."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "organizer"
    python = shlex.quote(sys.executable)
    script.write_text(
        f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(ROOT))} exec {python} -m organizer "$@"\n', encoding="utf-8"
    )
    script.chmod(0o755)
    return folder
