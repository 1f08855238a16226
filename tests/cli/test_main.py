from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from organizer.cli.main import main
from organizer.errors import OrganizerError

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., Path]

ROOT = Path(__file__).parents[2]
KICK = {"Kicks/VEH1 Bassdrum 001.wav": "Kick.wav"}


def _raising(error: Exception) -> click.Command:
    def fail() -> None:
        raise error

    return click.Command("fail", callback=fail)


def _ends(error: Exception) -> int | str | None:
    with pytest.raises(SystemExit) as ended:
        main([], commands=_raising(error))
    return ended.value.code


def test_a_problem_without_a_class_of_its_own_exits_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert _ends(OrganizerError("the disk\x1b is full", hint="Free some space.")) == 1
    assert capsys.readouterr().err == "organizer: the disk\\x1b is full\n  hint: Free some space.\n"


def test_a_defect_exits_with_70_and_is_kept_in_a_log(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _ends(ZeroDivisionError("one by none")) == 70
    log = home / "home" / "state" / "crash.log"
    assert capsys.readouterr().err == (
        "organizer: unexpected: ZeroDivisionError: one by none\n"
        f"  hint: this is a defect of Organizer; the details are in {log}\n"
    )
    assert "Traceback (most recent call last)" in log.read_text()
    _ends(ZeroDivisionError("again"))
    assert log.read_text().count("Traceback (most recent call last)") == 2


def test_a_defect_that_cannot_be_kept_is_printed_whole(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "home").write_text("a file where our folder should be")
    assert _ends(ZeroDivisionError("one by none")) == 70
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def _shell(script: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run a script in which $O stands for `organizer`, with nothing to read."""
    return subprocess.run(
        ["bash", "-c", f"O='{sys.executable} -m organizer'; {script}"],
        env={**os.environ, "ORGANIZER_HOME": str(home / "home"), "PYTHONPATH": str(ROOT)},
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_closed_streams_stop_nothing(tmp_path: Path, make_pack: Make) -> None:
    kit = make_pack(tmp_path / "Kit", KICK)
    (kit / "empty.wav").touch()
    ran = _shell("$O classify --json Kit/Kick.wav 2>&-; echo $?", tmp_path)
    told, code = ran.stdout.splitlines()
    assert (json.loads(told)["path"], code) == ("Kit/Kick.wav", "0")
    ran = _shell("$O classify Kit 2>&-; echo $?", tmp_path)
    assert [line.partition(":")[0] for line in ran.stdout.splitlines()] == ["Kit/Kick.wav", "1"]
    ran = _shell("$O classify Kit/Kick.wav >&-; echo $?", tmp_path)
    assert (ran.stdout, ran.stderr) == ("0\n", "")
    ran = _shell("$O classify Kit/Kick.wav <&- >&- 2>&-; echo $?", tmp_path)
    assert ran.stdout == "0\n"


def test_what_asks_does_not_hang_on_a_closed_stdin(tmp_path: Path, make_pack: Make) -> None:
    kit = make_pack(tmp_path / "Kit", KICK)
    ran = _shell("$O init --inbox In --library Lib <&- && $O sort Kit <&-; echo $?", tmp_path)
    assert ran.stdout.splitlines()[-1] == "2"
    assert "Say it with --yes." in ran.stderr
    assert (kit / "Kick.wav").exists()


def test_no_file_gets_the_number_of_a_closed_stream(tmp_path: Path) -> None:
    script = (
        "import click; from organizer.cli.main import main\n"
        "main([], commands=click.Command('a', callback=lambda: click.echo(open('file', 'w').fileno())))\n"
    )
    (tmp_path / "script.py").write_text(script)
    ran = _shell(f"{sys.executable} script.py <&- 2>&-", tmp_path)
    assert int(ran.stdout) > 2


def test_a_reader_that_went_away_is_no_defect(tmp_path: Path, make_pack: Make) -> None:
    make_pack(tmp_path / "Kit")
    reading, writing = os.pipe()
    os.close(reading)
    ran = subprocess.run(
        [sys.executable, "-m", "organizer", "classify", "--json", str(tmp_path / "Kit")],
        env={**os.environ, "ORGANIZER_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)},
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert (ran.returncode, ran.stderr) == (141, b"")
    assert not (tmp_path / "home").exists()  # no crash was written down


def test_the_first_line_can_be_had_alone(tmp_path: Path, make_pack: Make) -> None:
    make_pack(tmp_path / "Kit")
    ran = _shell("$O classify --json Kit | head -1", tmp_path)
    (line,) = ran.stdout.splitlines()
    assert "label" in json.loads(line)
    assert ran.stderr == ""
