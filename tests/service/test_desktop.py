from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jeepney import HeaderFields, MessageType, new_error, new_method_return
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import open_dbus_connection

from organizer.batch.filing import Report
from organizer.cli.main import main
from organizer.cli.notify import notify
from organizer.service.desktop import Desktop, Note, NotShown, note_of, problem_of, send
from tests.service.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Command = Callable[[dict[str, str]], tuple[int | str | None, str, str]]

SOON = 0.2  # for those that are not going to answer
CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={folder}/bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short name: those of sockets are limited."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@pytest.fixture
def environ(folder: Path) -> Iterator[dict[str, str]]:
    """An environment with a session bus of its own, on which nobody shows notes."""
    program = shutil.which("dbus-daemon")
    if program is None:
        pytest.skip("needs the program dbus-daemon")
    config = folder / "bus.conf"
    config.write_text(CONFIG.format(folder=folder))
    command = [program, f"--config-file={config}", "--nofork", "--print-address=1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            yield {"DBUS_SESSION_BUS_ADDRESS": running.stdout.readline().strip()}
        finally:
            running.terminate()


@dataclass
class Screen:
    """What a desktop does with notes: keeps what it was asked to show."""

    answer: str = "number"  # or "error", or "silence"
    asked: list[tuple[Any, ...]] = field(default_factory=list)

    @property
    def titles(self) -> list[str]:
        return [one[3] for one in self.asked]

    def serve(self, bus: Any, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                call = bus.receive(timeout=0.02)
            except TimeoutError:
                continue
            if call.header.message_type is not MessageType.method_call:
                continue
            assert call.header.fields[HeaderFields.member] == "Notify"
            self.asked.append(call.body)
            if self.answer == "number":
                bus.send(new_method_return(call, "u", (len(self.asked),)))
            elif self.answer == "error":
                name = "org.freedesktop.Notifications.Error.ExcessNotificationGeneration"
                bus.send(new_error(call, name, "s", ("Too many\n",)))


@pytest.fixture
def screen(environ: dict[str, str]) -> Iterator[Screen]:
    one, stop = Screen(), threading.Event()
    with open_dbus_connection(environ["DBUS_SESSION_BUS_ADDRESS"]) as bus:
        bus.send_and_get_reply(message_bus.RequestName("org.freedesktop.Notifications"))
        serving = threading.Thread(target=one.serve, args=(bus, stop))
        serving.start()
        yield one
        stop.set()
        serving.join()


@contextmanager
def desktop_of(environ: dict[str, str], *, patience: float = 10.0) -> Iterator[Desktop]:
    desktop = Desktop(environ, patience=patience)
    try:
        yield desktop
    finally:
        desktop.close(seconds=30)


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    return lambda: [
        record.getMessage() for record in caplog.records if record.name == "organizer.service.desktop"
    ]


def test_a_note_arrives_as_the_desktop_expects_it(environ: dict[str, str], screen: Screen) -> None:
    assert send("Analog Kit: 3 filed", "organizer undo 12 puts it back", environ) == 1
    name, replaces, icon, title, text, actions, hints, expires = screen.asked[0]
    assert (name, replaces, icon, actions, expires) == ("Organizer", 0, "audio-x-generic", [], -1)
    assert (title, text) == ("Analog Kit: 3 filed", "organizer undo 12 puts it back")
    assert hints == {"category": ("s", "transfer.complete"), "urgency": ("y", 1)}


def test_no_name_is_obeyed_by_the_desktop(environ: dict[str, str], screen: Screen) -> None:
    hostile = "<b>Kicks</b> & \x1b[2J\n\x00\udcff\u202e</a>"
    send(hostile, hostile, environ)
    _, _, _, title, text, *_ = screen.asked[0]
    assert title == r"<b>Kicks</b> & \x1b[2J\n\x00\udcff\u202e</a>"
    assert text == r"&lt;b&gt;Kicks&lt;/b&gt; &amp; \x1b[2J\n\x00\udcff\u202e&lt;/a&gt;"


def test_a_long_name_does_not_fill_the_screen(environ: dict[str, str], screen: Screen) -> None:
    send("x" * 10_000, "<" * 10_000, environ)
    _, _, _, title, text, *_ = screen.asked[0]
    assert title == "x" * 119 + "…"
    assert text == "&lt;" * 399 + "…"


def test_notes_are_shown_in_their_order_and_the_last_before_the_end(
    environ: dict[str, str], screen: Screen, warnings: Callable[[], list[str]]
) -> None:
    with desktop_of(environ) as desktop:
        for number in range(5):
            desktop.show(f"note {number}", "")
        desktop.close(seconds=30)
        desktop.show("too late", "")
    assert screen.titles == [f"note {number}" for number in range(5)]
    assert desktop.problem == ""
    assert warnings() == []


def test_a_desktop_that_never_answers_holds_nobody_up_and_is_told_of_once(
    environ: dict[str, str], screen: Screen, warnings: Callable[[], list[str]]
) -> None:
    screen.answer = "silence"
    with desktop_of(environ, patience=SOON) as desktop:
        for number in range(100):
            desktop.show(f"note {number}", "")
        wait_until(lambda: "note 99" in screen.titles, "the newest has had its turn")
        assert len(screen.asked) < 50  # most have made room for newer ones
        wait_until(lambda: desktop.problem, "it is known")
        assert desktop.problem == "the desktop does not answer within 0.2 s"
        assert warnings() == [f"notes cannot be shown on the desktop: {desktop.problem}"]
        screen.answer = "number"
        desktop.show("it is back", "")
        wait_until(lambda: not desktop.problem, "it answers again")
        assert "it is back" in screen.titles
        screen.answer = "error"
        desktop.show("and refuses", "")
        wait_until(lambda: desktop.problem, "it refuses")
        assert "ExcessNotificationGeneration" in desktop.problem
        assert "\n" not in desktop.problem
        assert len(warnings()) == 2


def test_a_service_ends_while_a_desktop_keeps_it_waiting(environ: dict[str, str], screen: Screen) -> None:
    screen.answer = "silence"
    desktop = Desktop(environ, patience=30.0)
    desktop.show("a note", "")
    wait_until(lambda: screen.asked, "it is on its way")
    desktop.close(seconds=0.01)
    assert desktop._worker is not None
    assert desktop._worker.daemon
    assert desktop._worker.is_alive()
    screen.answer = "number"


def test_where_nobody_shows_notes_that_is_said_once(
    environ: dict[str, str], warnings: Callable[[], list[str]]
) -> None:
    with desktop_of(environ) as desktop:
        assert desktop.problem == ""  # that nobody is there shows only when one tries
        for number in range(3):
            desktop.show(f"note {number}", "")
            wait_until(lambda: not desktop._waiting, "it has had its turn")
    assert desktop.problem == "no program shows notes on this desktop"
    assert warnings() == [f"notes cannot be shown on the desktop: {desktop.problem}"]


def test_without_a_bus_that_is_said_once_and_nothing_breaks(warnings: Callable[[], list[str]]) -> None:
    with desktop_of({}) as desktop:
        assert desktop.problem == "no session bus"
        for number in range(100):
            desktop.show(f"note {number}", "")
        wait_until(warnings, "it is said")
    assert warnings() == ["notes cannot be shown on the desktop: no session bus"]


def test_without_the_library_that_is_said(monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]) -> None:
    monkeypatch.setitem(sys.modules, "jeepney", None)
    assert problem_of(environ) == "install organizer[notify]"
    with pytest.raises(NotShown, match="install") as refused:
        send("a note", "", environ)
    assert refused.value.hint == "pip install 'organizer[notify]'"


def test_the_bus_of_the_session_is_found_where_it_usually_is(
    environ: dict[str, str], screen: Screen, folder: Path
) -> None:
    assert environ["DBUS_SESSION_BUS_ADDRESS"].startswith(f"unix:path={folder}/bus")
    send("a note", "", {"XDG_RUNTIME_DIR": str(folder)})
    assert screen.titles == ["a note"]
    assert problem_of({"XDG_RUNTIME_DIR": str(folder / "elsewhere")}) == "no session bus"


@pytest.mark.parametrize(
    "address", ["nonsense", "unix:", "unix:path=/nowhere/bus", "tcp:host=127.0.0.1,port=1", "unix:path=\x00"]
)
def test_a_bus_of_no_use_is_a_sentence(address: str) -> None:
    with pytest.raises(NotShown, match=r"^the session bus (cannot be reached|is of no use): "):
        send("a note", "", {"DBUS_SESSION_BUS_ADDRESS": address})


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([], "the desktop does not answer within 0.2 s"),
        ([b"OK 0123456789abcdef\r\n"], "the desktop does not answer within 0.2 s"),
        ([b"REJECTED\r\n"], "the session bus is of no use: AuthenticationError"),
        ([b"OK 0123456789abcdef\r\n", b"?" * 500], "the session bus is of no use: "),
        ([b""], "the session bus cannot be reached: Connection reset by peer"),
    ],
    ids=["silent", "silent later", "refuses", "garbage", "hangs up"],
)
def test_a_bus_that_is_none_is_given_up(folder: Path, answers: list[bytes], said: str) -> None:
    def answer(listening: socket.socket, ended: threading.Event) -> None:
        calling, _ = listening.accept()
        with calling:
            for one in answers:
                calling.recv(1000)
                if not one:
                    return
                calling.sendall(one)
            ended.wait()

    ended = threading.Event()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "bus"))
        listening.listen()
        answering = threading.Thread(target=answer, args=(listening, ended))
        answering.start()
        try:
            with pytest.raises(NotShown) as refused:
                send("a note", "", {"XDG_RUNTIME_DIR": str(folder)}, patience=SOON)
        finally:
            ended.set()
            answering.join()
    assert refused.value.message.startswith(said)


@pytest.mark.parametrize(
    ("report", "note"),
    [
        (
            Report(batch=12, title="Analog Kit", filed=120, left=3, problems=1),
            Note(
                title="Analog Kit: 120 filed, 3 left, 1 with problems", text="organizer undo 12 puts it back"
            ),
        ),
        (
            Report(batch=7, title="Loose", filed=12_345, interrupted=True),
            Note(title="Loose: 12,345 filed, interrupted", text="organizer undo 7 puts it back"),
        ),
        (
            Report(batch=None, title="Broken\n", left=2, problems=2),
            Note(title=r"Broken\n: 0 filed, 2 left, 2 with problems", text="organizer status says more"),
        ),
        (
            Report(batch=1, title="x" * 500, filed=1),
            Note(title="x" * 110 + "…: 1 filed", text="organizer undo 1 puts it back"),
        ),
    ],
    ids=["all", "interrupted", "nothing filed", "long"],
)
def test_a_note_says_what_came_of_a_batch_and_how_to_take_it_back(report: Report, note: Note) -> None:
    assert note_of(report) == note


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    def run(environ: dict[str, str]) -> tuple[int | str | None, str, str]:
        for name in ("DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as ended:
            main([], commands=notify)
        return ended.value.code, *capsys.readouterr()

    return run


def test_the_command_says_that_a_note_has_arrived(
    environ: dict[str, str],
    screen: Screen,
    command: Command,
) -> None:
    assert command(environ) == (0, "The desktop has taken it, as its note 1\n", "")
    assert screen.titles == ["Organizer"]


def test_the_command_says_why_no_note_arrives(
    command: Command,
) -> None:
    code, out, err = command({})
    assert (code, out) == (1, "")
    assert err.splitlines() == [
        "organizer: no session bus",
        "  hint: Where a desktop runs, DBUS_SESSION_BUS_ADDRESS says where its bus is",
    ]
