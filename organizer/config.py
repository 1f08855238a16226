"""What a user may configure, where it is kept, and the checks that refuse a dangerous set-up.

Owns `config.toml` and the three places everything of ours lies in. It makes nothing and moves nothing.
"""

from __future__ import annotations

import math
import os
import tomllib
import unicodedata
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import platformdirs

from organizer.errors import ConfigError
from organizer.folders import CATEGORY_FOLDERS, LABEL_FOLDERS, Folders
from organizer.labels import CATEGORIES, LABELS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


MOST_THREADS = 256
# How an inbox is watched: by the system's events, by looking again and again, or as its disk allows.
WatchMode = Literal["auto", "native", "poll"]
# Whether what arrives is filed, or only planned until its user approves.
Mode = Literal["file", "suggest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """The places that are ours."""

    config_file: Path
    rules: Path
    state: Path

    @classmethod
    def find(cls, environ: Mapping[str, str]) -> Home:
        """`ORGANIZER_HOME` puts all of it under one folder; otherwise the platform's own places."""
        if home := environ.get("ORGANIZER_HOME"):
            root = Path(home).expanduser().absolute()
            return cls(config_file=root / "config.toml", rules=root / "rules", state=root / "state")
        config = platformdirs.user_config_path("organizer")
        return cls(
            config_file=config / "config.toml",
            rules=config / "rules",
            state=platformdirs.user_state_path("organizer"),
        )

    @property
    def journal(self) -> Path:
        return self.state / "journal.sqlite"

    @property
    def index(self) -> Path:
        return self.state / "index.sqlite"

    @property
    def pause(self) -> Path:
        return self.state / "pause.json"

    @property
    def report(self) -> Path:
        return self.state / "service.json"


class Inbox(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    path: str
    name: str = ""
    rules: list[str] = []  # files in the rules folder that hold for this inbox, and for no other
    watch: WatchMode | None = None  # None: as for all

    @property
    def root(self) -> Path:
        return absolute(self.path)

    @property
    def title(self) -> str:
        return self.name or self.root.name


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`config.toml`, as written; paths may begin with `~`."""

    library: str
    inbox: list[Inbox]
    libraries: dict[str, str] = {}  # further ones, by the names that rules call them
    mode: Mode = "file"
    settle_seconds: float = 3.0
    rescan_seconds: float = 300.0
    library_scan_hours: float = 24.0
    threads: int = 2
    watch: WatchMode = "auto"
    pause_while: list[str] = []  # programs; while one of them runs, nothing is filed
    notify: bool = False  # on the desktop, of each batch
    model: str = ""  # empty: the one that ships
    folders: dict[str, str] = {}
    category_folders: dict[str, str] = {}
    # Words of the user's own; what may stand there is checked by who reads it.
    vocabulary: dict[str, Any] = {}

    @property
    def library_root(self) -> Path:
        return absolute(self.library)

    @property
    def other_libraries(self) -> dict[str, Path]:
        return {name: absolute(path) for name, path in self.libraries.items()}

    @property
    def library_roots(self) -> list[Path]:
        return [self.library_root, *self.other_libraries.values()]

    @property
    def folder_names(self) -> Folders:
        return Folders(
            labels={**LABEL_FOLDERS, **self.folders},
            categories={**CATEGORY_FOLDERS, **self.category_folders},
        )

    def watch_of(self, inbox: Inbox) -> WatchMode:
        return inbox.watch or self.watch

    def inbox_of(self, path: Path) -> Inbox | None:
        """Find the inbox that a path lies in."""
        return next((one for one in self.inbox if path.is_relative_to(one.root)), None)


def load(home: Home) -> Config:
    """Read and check `config.toml`; every finding is reported at once."""
    path = home.config_file
    try:
        with path.open("rb") as file:
            table = tomllib.load(file)
    except FileNotFoundError as error:
        raise ConfigError(
            f"there is no configuration at {path}", path=path, hint="Run `organizer init` to make one."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}", path=path) from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", path=path) from error
    table = {"inbox": [], **table}
    findings = [*_mistakes(table, Config), *_unknown_names(table)]
    # The checks beyond single values are made of what is sound, so that all is told at once.
    sound = {
        setting.name: table[setting.name]
        for setting in msgspec.structs.fields(Config)
        if setting.name in table and not _misfits(setting.name, table[setting.name], setting.type)
    }
    config = msgspec.convert({"library": "", "inbox": [], **sound}, Config)
    findings += _dangers(config, home, sound.keys())
    if findings:
        raise ConfigError(
            "\n".join(f"{path}: {finding}" for finding in findings),
            path=path,
            hint="Correct the file; `organizer doctor` checks it again.",
        )
    return config


def dump(config: Config) -> str:
    """Write a configuration as TOML, with what may be changed said in comments."""
    inboxes = "".join(
        f"[[inbox]]\npath = {_quoted(one.path)}\n"
        + (f"name = {_quoted(one.name)}\n" if one.name else "")
        + (f"rules = {_inline(one.rules)}\n" if one.rules else "")
        + (f"watch = {_quoted(one.watch)}\n" if one.watch else "")
        for one in config.inbox
    )
    return (
        "# Organizer's configuration. Paths may begin with ~.\n\n"
        f"library = {_quoted(config.library)}\n\n"
        '# "file" what arrives, or only "suggest" it: then `organizer approve` files it.\n'
        f"mode = {_quoted(config.mode)}\n"
        "# Seconds of quiet after which a file counts as complete.\n"
        f"settle_seconds = {config.settle_seconds:g}\n"
        "# The inboxes are looked through again this often, whatever events came.\n"
        f"rescan_seconds = {config.rescan_seconds:g}\n"
        "# The library is looked through this often for what you moved by hand.\n"
        f"library_scan_hours = {config.library_scan_hours:g}\n"
        f"# Threads that decode and listen.\nthreads = {config.threads}\n"
        '# How inboxes are watched: "native" by the system\'s events, "poll" by looking now and then, as\n'
        '# network disks need it, "auto" as the disk allows. Each inbox may have its own.\n'
        f"watch = {_quoted(config.watch)}\n"
        "# Programs during which nothing is filed, by the names of their files.\n"
        + (
            f"pause_while = {_inline(config.pause_while)}\n"
            if config.pause_while
            else '# pause_while = ["reaper"]\n'
        )
        + "# A notification on the desktop for each batch; `organizer notify` tries it.\n"
        f"notify = {_inline(config.notify)}\n"
        "# The model that listens; without a name the one that ships.\n"
        + (f"model = {_quoted(config.model)}\n\n" if config.model else '# model = "~/ears/mine.onnx"\n\n')
        + f"{inboxes}\n"
        "# Further libraries, by the names that rules call them.\n"
        + _libraries(config.libraries)
        + "\n# Your own names for what a sound is, used by {folder} in rules. Shipped:\n"
        + _names("folders", config.folders, LABEL_FOLDERS)
        + "\n# Where only the category is sure:\n"
        + _names("category_folders", config.category_folders, CATEGORY_FOLDERS)
        + "\n# Words of your own in the names of samples; the README tells the form.\n"
        + (_words(config.vocabulary) or '# [vocabulary.labels.kick]\n# sure = ["bombo"]\n')
    )


def _libraries(libraries: Mapping[str, str]) -> str:
    lines = [f"{_quoted(name)} = {_quoted(path)}\n" for name, path in libraries.items()]
    return "".join(["[libraries]\n", *lines]) if lines else '# [libraries]\n# ssd = "/media/ssd/Samples"\n'


def _words(vocabulary: Mapping[str, Any]) -> str:
    lines = [f"{_quoted(name)} = {_inline(value)}\n" for name, value in vocabulary.items()]
    return "".join(["[vocabulary]\n", *lines]) if lines else ""


def _inline(value: Any) -> str:
    match value:
        case dict():
            inside = ", ".join(f"{_quoted(name)} = {_inline(one)}" for name, one in value.items())
            return f"{{ {inside} }}"
        case list():
            return f"[{', '.join(_inline(one) for one in value)}]"
        case str():
            return _quoted(value)
        case bool():
            return str(value).lower()
    return str(value)


def _names(table: str, own: Mapping[str, str], shipped: Mapping[str, str]) -> str:
    """Write a table of folder names: the user's own, the others as comments."""
    lines = [f"[{table}]" if own else f"# [{table}]"]
    for label, name in shipped.items():
        lines.append(f"{label} = {_quoted(own[label])}" if label in own else f"# {label} = {_quoted(name)}")
    return "\n".join(lines) + "\n"


def overlaps(inboxes: list[Path], *libraries: Path) -> list[str]:
    """Say which folders are the same, or inside one another, once links and letter case are resolved."""
    places = [("inbox", path) for path in inboxes] + [("library", path) for path in libraries]
    findings = []
    for index, (kind, path) in enumerate(places):
        for other_kind, other in places[index + 1 :]:
            one, two = _folded(path), _folded(other)
            if one == two:
                findings.append(f"the {kind} {path} and the {other_kind} {other} are the same folder")
            elif two[: len(one)] == one:
                findings.append(f"the {other_kind} {other} lies inside the {kind} {path}")
            elif one[: len(two)] == two:
                findings.append(f"the {kind} {path} lies inside the {other_kind} {other}")
    return findings


def _dangers(config: Config, home: Home, sound: Collection[str]) -> list[str]:
    """Find what is wrong beyond single values, among the settings that are `sound`."""
    findings = []
    if "inbox" in sound and not config.inbox:
        findings.append("no [[inbox]] is named")
    places = [("library", config.library)] if "library" in sound else []
    places += [(f"[[inbox]] {number}: path", one.path) for number, one in enumerate(config.inbox, 1)]
    places += [(f"[libraries] {name}", path) for name, path in config.libraries.items()]
    places += [("model", config.model)] if config.model else []
    unclear = [f"{place}: {_quoted(path)} {why}" for place, path in places if (why := _unclear(path))]
    findings += unclear
    inboxes = [] if unclear else config.inbox
    if "library" in sound and not unclear:
        findings += overlaps([one.root for one in inboxes], *config.library_roots)
    state = _folded(home.state)
    for one in inboxes:
        inside = _folded(one.root)
        if state[: len(inside)] == inside:
            findings.append(f"the state folder {home.state} lies inside the inbox {one.root}")
    titles = [one.title.casefold() for one in inboxes]
    findings += [
        f"two inboxes are called {title!r}" for title in sorted({t for t in titles if titles.count(t) > 1})
    ]
    if "threads" in sound and config.threads > MOST_THREADS:
        findings.append(f"threads: expected {MOST_THREADS} at most, found {config.threads}")
    for name in ("settle_seconds", "rescan_seconds", "library_scan_hours", "threads"):
        if not 0 < getattr(config, name) < math.inf:
            findings.append(f"{name}: expected a number greater than 0, found {getattr(config, name)}")
    return findings


def _unclear(path: str) -> str:
    """Say why a path does not name the same folder wherever we are started; empty where it does."""
    if "\0" in path:
        return "cannot be a path"
    try:
        whole = Path(path).expanduser().is_absolute()
    except RuntimeError:
        return "names a home folder that is not known"
    return "" if whole else "is not a whole path: begin it with / or ~"


# What a value may be, in the words of whoever writes the file.
EXPECTED: Mapping[object, str] = {
    str: "text in quotes",
    float: "a number",
    int: "a whole number",
    list[str]: "a list of names",
    list[Inbox]: "[[inbox]] tables",
    Inbox: "a table with a path",
    dict[str, str]: "a table of names",
    dict[str, Any]: "a table",
    bool: "true or false",
    Mode: '"file" or "suggest"',
    WatchMode: '"auto", "native" or "poll"',
    WatchMode | None: '"auto", "native" or "poll"',
}


def _mistakes(table: Mapping[str, Any], form: type[msgspec.Struct], place: str = "") -> list[str]:
    """Find every key of a table that is unknown or missing, and every value that does not fit."""
    fields = {setting.name: setting for setting in msgspec.structs.fields(form)}
    findings = [
        f"{place}{key!r} is not a setting{_did_you_mean(key, tuple(fields))}"
        for key in table
        if key not in fields
    ]
    for name, setting in fields.items():
        if name in table:
            findings += _misfits(f"{place}{name}", table[name], setting.type)
        elif setting.required:
            findings.append(f"{place}{name} is missing")
    return findings


def _unknown_names(table: Mapping[str, Any]) -> list[str]:
    return [
        f"[{key}] {name!r} is not known{_did_you_mean(name, known)}"
        for key, known in (("folders", LABELS), ("category_folders", CATEGORIES))
        if isinstance(table.get(key), dict)
        for name in table[key]
        if name not in known
    ]


def _misfits(place: str, value: object, wanted: Any) -> list[str]:
    """Say what of a value is not as wanted, at the innermost place that is wrong."""
    try:
        msgspec.convert(value, wanted)
    except msgspec.ValidationError:
        pass
    else:
        return []
    match value:
        case list() if wanted == list[Inbox]:
            entries = [(f"[[{place}]] {number}", one, Inbox) for number, one in enumerate(value, 1)]
            return [finding for entry in entries for finding in _misfits(*entry)]
        case dict() if wanted is Inbox:
            return _mistakes(value, Inbox, f"{place}: ")
        case dict() if wanted == dict[str, str]:
            named = [(f"[{place}] {key}", one, str) for key, one in value.items()]
            return [finding for entry in named for finding in _misfits(*entry)]
    return [f"{place}: expected {EXPECTED[wanted]}, found {_shown(value)}"]


def _shown(value: object) -> str:
    match value:
        case list():
            return "a list"
        case dict():
            return "a table"
        case bool():
            return str(value).lower()
        case str():
            return _quoted(value)
    return str(value)


def _did_you_mean(word: str, known: tuple[str, ...]) -> str:
    close = get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def absolute(path: str | Path) -> Path:
    """Make a path absolute without following links; `~` and `..` are resolved."""
    # Path.absolute keeps `..`; Path.expanduser raises for the home of nobody, which a shell leaves as it is.
    return Path(os.path.abspath(os.path.expanduser(path)))  # noqa: PTH100, PTH111


def _folded(path: Path) -> tuple[str, ...]:
    resolved = Path(os.path.realpath(path))
    return tuple(unicodedata.normalize("NFC", part).casefold() for part in resolved.parts)


def _quoted(text: str) -> str:
    """Quote as a TOML basic string, which JSON's escapes are a part of."""
    return msgspec.json.encode(text).decode().replace("\x7f", "\\u007f")
