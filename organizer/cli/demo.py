"""`organizer demo`: a made-up pack through a real service, filed, logged, undone, and gone again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import click
import msgspec

from organizer.cli.output import as_json, say
from organizer.errors import OrganizerError
from organizer.labels import CATEGORY_OF

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.tree import Tree

    from organizer.library.index import Entry

PACK = "Demo Pack"
PATIENCE = 25.0  # seconds for any one step


@click.command()
@click.option("--keep", is_flag=True, help="Keep the folder of the demo, to look around in.")
@click.option("--json", "json_", is_flag=True, help="Print the outcome as JSON.")
@click.pass_context
def demo(ctx: click.Context, *, keep: bool, json_: bool) -> None:
    """Watch a small made-up pack being filed, then undone.

    Everything happens in a temporary folder: a pack of synthesised drum sounds is dropped into the inbox
    of a real service, which hears and files it; then the log is shown and the batch undone.

    \b
    Examples:
      organizer demo
      organizer demo --keep
    """
    root = Path(tempfile.mkdtemp(prefix="organizer-demo-"))
    try:
        outcome = _Show(root, quiet=json_).play()
    finally:
        if keep:
            click.echo(f"Kept: {root}  (ORGANIZER_HOME={root / 'home'})", err=True)
        else:
            shutil.rmtree(root, ignore_errors=True)
    if json_:
        click.echo(as_json(outcome))
    ctx.exit(0 if outcome["undone"] else 1)


class _Show:
    def __init__(self, root: Path, *, quiet: bool) -> None:
        self._root = root
        self._quiet = quiet
        self._inbox = root / "Inbox"
        self._library = root / "Library"
        self._environment = {**os.environ, "ORGANIZER_HOME": str(root / "home")}

    def play(self) -> dict[str, object]:
        self._run("init", "--inbox", str(self._inbox), "--library", str(self._library))
        self._shorten_waits()
        with self._service():
            before = self._drop()
            self._speak(f"A pack of {len(before)} sounds is dropped into the inbox; the service hears it.")
            self._speak("")
            entries = self._watch(len(before))
            misheard = self._compare(entries)
            self._speak("")
            self._speak("$ organizer log")
            self._speak_lines(self._run("log"))
            self._speak("")
            self._speak("$ organizer undo --yes")
            self._speak_lines(self._run("undo", "--yes"))
            undone = _contents(self._inbox / PACK) == before and not any(
                path.is_file() for path in self._library.rglob("*")
            )
        self._speak("")
        self._speak(
            "Every file is back where it was, byte for byte."
            if undone
            else "The inbox is NOT as it was: please report this."
        )
        return {"sounds": len(before), "filed": len(entries), "misheard": misheard, "undone": undone}

    def _shorten_waits(self) -> None:
        from organizer.config import Home, dump, load

        home = Home.find(self._environment)
        config = msgspec.structs.replace(load(home), settle_seconds=0.5)
        home.config_file.write_text(dump(config), encoding="utf-8")

    def _service(self) -> _Service:
        return _Service(self._command("run"), self._environment)

    def _drop(self) -> dict[str, bytes]:
        """Make the pack beside the inbox and move it in, as a file manager would."""
        import soundfile

        from organizer.demo.sounds import DEMO_PACK, SAMPLERATE

        made = self._root / PACK
        for name, make in DEMO_PACK.items():
            path = made / name
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, make(), SAMPLERATE, subtype="PCM_16")
        contents = _contents(made)
        made.rename(self._inbox / PACK)
        return contents

    def _watch(self, expected: int) -> list[Entry]:
        """Draw the library as a tree while it fills, until every sound is there."""
        from rich.console import Console
        from rich.live import Live

        from organizer.cli.assembly import Assembly
        from organizer.config import Home

        console = Console(quiet=self._quiet, highlight=False)
        entries: list[Entry] = []
        deadline = time.monotonic() + PATIENCE
        with (
            Assembly(Home.find(self._environment)) as parts,
            Live(console=console, auto_refresh=False, transient=not console.is_terminal) as live,
        ):
            while len(entries) < expected and time.monotonic() < deadline:
                time.sleep(0.1)
                entries = list(parts.index.below(self._library))
                live.update(_tree(self._library, entries), refresh=console.is_terminal)
        if len(entries) < expected:
            raise OrganizerError(
                f"after {PATIENCE:.0f} s only {len(entries)} of {expected} sounds were filed",
                hint="Run `organizer doctor`.",
            )
        if not console.is_terminal:
            console.print(_tree(self._library, entries))
        return entries

    def _compare(self, entries: list[Entry]) -> list[dict[str, str]]:
        """Say which sounds were heard, by the ear alone, as something that they were not made to be."""
        from organizer.demo.sounds import DEMO_TRUTH

        misheard = []
        for entry in entries:
            heard = entry.sample.recognition
            truth = DEMO_TRUTH[str(_came_as(entry))]
            audio = heard.evidence_of("audio")
            ear = (
                max(audio.labels, key=lambda label: audio.labels[label])
                if audio and audio.labels
                else "nothing"
            )
            final = heard.category or heard.kind.value
            wanted = "loop" if truth is None else CATEGORY_OF[truth]
            by_ear = final if truth is None else CATEGORY_OF.get(ear, ear)
            if final != wanted or (truth is not None and by_ear != wanted):
                misheard.append(
                    {"file": str(_came_as(entry)), "made_as": truth or "loop", "ear": ear, "filed_as": final}
                )
        for one in misheard:
            self._speak(
                f"  misheard: {one['file']} was made as {one['made_as']}; by ear alone {one['ear']}, "
                f"with its name {one['filed_as']}"
            )
        if not misheard:
            self._speak("  every sound was heard as what it was made to be")
        return misheard

    def _speak(self, text: str) -> None:
        if not self._quiet:
            say(text)

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "organizer", *arguments]

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            self._command(*arguments),
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise OrganizerError(f"`organizer {' '.join(arguments)}` failed: {done.stderr.strip()}")
        return done.stdout

    def _speak_lines(self, text: str) -> None:
        for line in text.rstrip().splitlines():
            self._speak(line.replace(f"{self._root}{os.sep}", ""))


class _Service:
    """A real `organizer run` beside us, stopped as systemd would stop it."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self._command = command
        self._environment = environment

    def __enter__(self) -> None:
        self._running = subprocess.Popen(
            self._command,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def __exit__(self, *_: object) -> None:
        self._running.send_signal(signal.SIGTERM)
        try:
            self._running.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._running.kill()
            self._running.wait()


def _tree(library: Path, entries: list[Entry]) -> Tree:
    """Draw where each sound lies, what it was heard as, and under which name it came."""
    from rich.text import Text
    from rich.tree import Tree

    tree = Tree(Text(library.name, style="bold"), guide_style="dim")
    folders = {library: tree}
    for entry in entries:
        for folder in reversed([entry.path.parent, *entry.path.parent.parents]):
            if folder.is_relative_to(library) and folder not in folders:
                folders[folder] = folders[folder.parent].add(Text(folder.name, style="bold"))
        heard = entry.sample.recognition
        leaf = Text(entry.path.name)
        leaf.append(f"  {heard.label or heard.kind.value} {heard.confidence:.0%}", style="green")
        leaf.append(f"  from {_came_as(entry).parent}", style="dim")
        folders[entry.path.parent].add(leaf)
    return tree


def _came_as(entry: Entry) -> PurePosixPath:
    return replace(entry.origin, pack=None).relative


def _contents(root: Path) -> dict[str, bytes]:
    return dict(_files(root))


def _files(root: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(root.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(root)), path.read_bytes()
