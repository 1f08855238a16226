from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from organizer.config import Config, Home, Inbox, dump, load
from organizer.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.find({"ORGANIZER_HOME": str(tmp_path / "home")})


def _write(home: Home, text: str) -> None:
    home.config_file.parent.mkdir(parents=True, exist_ok=True)
    home.config_file.write_text(text, encoding="utf-8")


def test_what_is_dumped_loads_equal(home: Home, tmp_path: Path) -> None:
    config = Config(
        library=str(tmp_path / 'odd "name"'), inbox=[Inbox(str(tmp_path / "in")), Inbox("/two", name="Zwei")]
    )
    _write(home, dump(config))
    assert load(home) == config


def test_organizer_home_holds_everything(tmp_path: Path) -> None:
    home = Home.find({"ORGANIZER_HOME": str(tmp_path)})
    assert home.config_file == tmp_path / "config.toml"
    assert home.rules == tmp_path / "rules"
    assert home.journal.is_relative_to(tmp_path)


def test_a_missing_config_names_the_command_that_makes_one(home: Home) -> None:
    with pytest.raises(ConfigError, match="there is no configuration at") as caught:
        load(home)
    assert caught.value.hint == "Run `organizer init` to make one."
    assert caught.value.exit_code == 3


def test_all_findings_come_at_once_with_suggestions(home: Home) -> None:
    _write(
        home,
        'library = "/l"\nsetle_seconds = 2\nthreads = 0\n[[inbox]]\npath = "/i"\n'
        '[folders]\nkik = "Kicks"\n[category_folders]\nhats = "Hats"\n',
    )
    with pytest.raises(ConfigError) as caught:
        load(home)
    file = home.config_file
    assert caught.value.message.splitlines() == [
        f"{file}: 'setle_seconds' is not a setting; did you mean 'settle_seconds'?",
        f"{file}: [folders] 'kik' is not known; did you mean 'kick'?",
        f"{file}: [category_folders] 'hats' is not known; did you mean 'hihat'?",
        f"{file}: threads is 0; it must be greater than 0",
    ]


def test_a_wrong_type_is_named_with_its_place(home: Home) -> None:
    _write(home, 'library = 3\ninbox = [{ path = "/i" }]\n')
    with pytest.raises(ConfigError, match=r"library: expected `str`, got `int`"):
        load(home)


@pytest.mark.parametrize(
    ("inbox", "library", "expected"),
    [
        ("Music", "Music", "are the same folder"),
        ("Music", "Music/Library", "lies inside the inbox"),
        ("Music/Inbox", "Music", "lies inside the library"),
        ("Music", "music", "are the same folder"),  # one folder on a disk that folds case
        ("Link", "Music", "are the same folder"),
    ],
)
def test_overlapping_folders_are_refused(
    home: Home, tmp_path: Path, inbox: str, library: str, expected: str
) -> None:
    (tmp_path / "Music").mkdir()
    (tmp_path / "Link").symlink_to(tmp_path / "Music")
    _write(home, dump(Config(library=str(tmp_path / library), inbox=[Inbox(str(tmp_path / inbox))])))
    with pytest.raises(ConfigError, match=expected):
        load(home)


def test_state_inside_an_inbox_is_refused(home: Home, tmp_path: Path) -> None:
    _write(home, dump(Config(library="/elsewhere", inbox=[Inbox(str(tmp_path))])))
    with pytest.raises(ConfigError, match="the state folder"):
        load(home)


def test_a_folder_beside_another_with_a_like_name_is_no_overlap(home: Home, tmp_path: Path) -> None:
    _write(home, dump(Config(library=str(tmp_path / "Music 2"), inbox=[Inbox(str(tmp_path / "Music"))])))
    assert load(home).library_root == tmp_path / "Music 2"


def test_own_folder_names_replace_single_shipped_ones(home: Home) -> None:
    _write(home, 'library = "/l"\ninbox = [{ path = "/i" }]\n[folders]\nkick = "BD"\n')
    names = load(home).folder_names
    assert names.of("kick", "kick") == "BD"
    assert names.of("hat_open", "hihat") == "Hats/Open"
    assert names.of(None, "crash") == "Cymbals"
    assert names.of(None, None) is None
