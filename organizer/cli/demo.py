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
    from collections.abc import Callable, Iterator

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
    speak: Callable[[object], None] = (lambda _: None) if json_ else say
    try:
        outcome = _Show(root, speak).play()
    finally:
        if keep:
            speak(f"Kept: {root}  (ORGANIZER_HOME={root / 'home'})")
        else:
            shutil.rmtree(root, ignore_errors=True)
    if json_:
        click.echo(as_json(outcome))
    ctx.exit(0 if outcome["undone"] else 1)


class _Show:
    def __init__(self, root: Path, speak: Callable[[object], None]) -> None:
        self._root = root
        self._speak = speak
        self._inbox = root / "Inbox"
        self._library = root / "Library"
        self._environment = {**os.environ, "ORGANIZER_HOME": str(root / "home")}

    def play(self) -> dict[str, object]:
        self._run("init", "--inbox", str(self._inbox), "--library", str(self._library))
        self._shorten_waits()
        with self._service():
            before = self._drop()
            self._speak(f"A pack of {len(before)} sounds is dropped into the inbox; the service hears it:\n")
            entries = self._watch(len(before))
            misheard = self._compare(entries)
            self._speak("\n$ organizer log")
            self._speak_lines(self._run("log"))
            self._speak("\n$ organizer undo --yes")
            self._speak_lines(self._run("undo", "--yes"))
            undone = _contents(self._inbox / PACK) == before and not any(
                path.is_file() for path in self._library.rglob("*")
            )
        self._speak(
            "\nEvery file is back where it was, byte for byte."
            if undone
            else "\nThe inbox is NOT as it was: please report this."
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
        """Show each sound as it appears in the library, until all are indexed there."""
        from organizer.cli.assembly import Assembly
        from organizer.config import Home

        shown: set[Path] = set()
        deadline = time.monotonic() + PATIENCE
        with Assembly(Home.find(self._environment)) as parts:
            while time.monotonic() < deadline:
                entries = list(parts.index.below(self._library))
                for entry in entries:
                    if entry.path not in shown:
                        shown.add(entry.path)
                        self._show(entry)
                if len(entries) >= expected:
                    return entries
                time.sleep(0.1)
        raise OrganizerError(
            f"after {PATIENCE:.0f} s only {len(shown)} of {expected} sounds were filed",
            hint="Run `organizer doctor`.",
        )

    def _show(self, entry: Entry) -> None:
        heard = entry.sample.recognition
        what = heard.label or heard.kind.value
        place = entry.path.relative_to(self._library)
        self._speak(f"  {_came_as(entry)!s:<30} {what:<11} {heard.confidence:>4.0%}   {place}")

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


def _came_as(entry: Entry) -> PurePosixPath:
    return replace(entry.origin, pack=None).relative


def _contents(root: Path) -> dict[str, bytes]:
    return dict(_files(root))


def _files(root: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(root.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(root)), path.read_bytes()
