from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from organizer.config import Config, Home, Inbox, absolute, dump, load
from organizer.errors import ConfigError
from organizer.folders import CATEGORY_FOLDERS, LABEL_FOLDERS


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.find({"ORGANIZER_HOME": str(tmp_path / "home")})


def _write(home: Home, text: str) -> None:
    home.config_file.parent.mkdir(parents=True, exist_ok=True)
    home.config_file.write_text(text, encoding="utf-8")


def test_what_is_dumped_loads_equal(home: Home, tmp_path: Path) -> None:
    config = Config(
        library=str(tmp_path / 'odd "name"'),
        inbox=[Inbox(str(tmp_path / "in")), Inbox("/two", name="Zwei", watch="poll")],
        mode="suggest",
        watch="native",
        notify=True,
        library_scan_hours=0.5,
        model="~/ears/mine.onnx",
        folders={"kick": "BD"},
        category_folders={"hihat": "HH"},
    )
    _write(home, dump(config))
    assert load(home) == config


def test_words_of_the_users_own_are_dumped_as_they_were_read() -> None:
    words = {
        "labels": {"kick": {"sure": ["bombo", 'the "big" one']}},
        "shared": {"boo": {"kick": 0.5, "tom": 1}},
    }
    text = dump(Config(library="/l", inbox=[Inbox("/i")], vocabulary=words))
    assert tomllib.loads(text)["vocabulary"] == words


def test_what_is_dumped_mentions_every_setting() -> None:
    text = dump(Config(library="/l", inbox=[Inbox("/i")]))
    for name in Config.__struct_fields__:
        assert name in text
    shown = text.replace("# [", "[").replace("# model", "model")
    shown = "\n".join(line.removeprefix("# ") if '= "' in line else line for line in shown.splitlines())
    told = tomllib.loads(shown)
    assert told["folders"] == LABEL_FOLDERS
    assert told["category_folders"] == CATEGORY_FOLDERS


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
        'setle_seconds = 2\nsettle_seconds = "a"\nrescan_seconds = inf\nthreads = 0\nmodel = true\n'
        '[[inbox]]\npth = "/i"\n[[inbox]]\npath = ["/i"]\n'
        '[folders]\nkik = "Kicks"\nsnare = 5\n[category_folders]\nhats = "Hats"\n',
    )
    with pytest.raises(ConfigError) as caught:
        load(home)
    file = home.config_file
    assert caught.value.message.splitlines() == [
        f"{file}: 'setle_seconds' is not a setting; did you mean 'settle_seconds'?",
        f"{file}: library is missing",
        f"{file}: [[inbox]] 1: 'pth' is not a setting; did you mean 'path'?",
        f"{file}: [[inbox]] 1: path is missing",
        f"{file}: [[inbox]] 2: path: expected text in quotes, found a list",
        f'{file}: settle_seconds: expected a number, found "a"',
        f"{file}: model: expected text in quotes, found true",
        f"{file}: [folders] snare: expected text in quotes, found 5",
        f"{file}: [folders] 'kik' is not known; did you mean 'kick'?",
        f"{file}: [category_folders] 'hats' is not known; did you mean 'hihat'?",
        f"{file}: rescan_seconds: expected a number greater than 0, found inf",
        f"{file}: threads: expected a number greater than 0, found 0",
    ]


@pytest.mark.parametrize(
    ("setting", "finding"),
    [
        ("library = 3", "library: expected text in quotes, found 3"),
        ('library = ""', 'library: "" is not a whole path: begin it with / or ~'),
        ('library = "Samples"', 'library: "Samples" is not a whole path: begin it with / or ~'),
        ('library = "~nobody-of-this-name/S"', "names a home folder that is not known"),
        (r'library = "/a\u0000b"', r'library: "/a\u0000b" cannot be a path'),
        ('library = "/l"\nmodel = "ear.onnx"', 'model: "ear.onnx" is not a whole path: begin it with / or ~'),
        ('library = "/l"\nthreads = 1.5', "threads: expected a whole number, found 1.5"),
        ('library = "/l"\nfolders = "Kicks"', 'folders: expected a table of names, found "Kicks"'),
        ('library = "/l"\nfolders = { kik = "K" }', "[folders] 'kik' is not known; did you mean 'kick'?"),
        ('library = "/l"\nwatch = "polling"', 'watch: expected "auto", "native" or "poll", found "polling"'),
        ('library = "/l"\nmode = "dry"', 'mode: expected "file" or "suggest", found "dry"'),
        ('library = "/l"\nnotify = "yes"', 'notify: expected true or false, found "yes"'),
        ('library = "/l"\nmodel = 1979-05-27', "model: expected text in quotes, found 1979-05-27"),
    ],
)
def test_a_wrong_value_is_named_with_its_place(home: Home, setting: str, finding: str) -> None:
    _write(home, f'{setting}\n[[inbox]]\npath = "/i"\n')
    with pytest.raises(ConfigError) as caught:
        load(home)
    assert finding in caught.value.message
    assert len(caught.value.message.splitlines()) == 1


@pytest.mark.parametrize(
    ("inboxes", "finding"),
    [
        ("", "no [[inbox]] is named"),
        ("inbox = []", "no [[inbox]] is named"),
        ('inbox = "/i"', 'inbox: expected [[inbox]] tables, found "/i"'),
        ('inbox = ["/i"]', '[[inbox]] 1: expected a table with a path, found "/i"'),
        ('[[inbox]]\npath = "In"', '[[inbox]] 1: path: "In" is not a whole path: begin it with / or ~'),
        (
            '[[inbox]]\npath = "/i"\nwatch = 3',
            '[[inbox]] 1: watch: expected "auto", "native" or "poll", found 3',
        ),
        ('[[inbox]]\npath = "/a/In"\n[[inbox]]\npath = "/b/in"', "two inboxes are called 'in'"),
    ],
)
def test_wrong_inboxes_are_named_by_their_number(home: Home, inboxes: str, finding: str) -> None:
    _write(home, f'library = "/l"\n{inboxes}\n')
    with pytest.raises(ConfigError) as caught:
        load(home)
    assert caught.value.message == f"{home.config_file}: {finding}"


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


def test_a_path_is_made_absolute_without_following_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/me")
    (tmp_path / "link").symlink_to("/")
    assert absolute("link/x/../y") == tmp_path / "link" / "y"
    assert absolute("~/Samples") == Path("/home/me/Samples")
    assert absolute("~nobody-of-this-name/x") == tmp_path / "~nobody-of-this-name" / "x"
