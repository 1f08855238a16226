"""The running service: waits, and files each batch that is ready, until it is told to stop.

Everything happens on one thread; the threads of the watches only collect touches and ring the bell.
What filing a batch means is not known here.
"""

from __future__ import annotations

import logging
import queue
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from organizer.batch.arrivals import Arrival
from organizer.errors import OrganizerError
from organizer.service.bulletin import SECONDS_BETWEEN, Bulletin
from organizer.service.intake import Intake
from organizer.service.library import Libraries
from organizer.service.memory import give_back
from organizer.service.report import Busy, Retry, shown
from organizer.service.retries import Retries
from organizer.service.signals import hearing
from organizer.service.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from organizer.config import Config, Inbox
    from organizer.service.library import LibraryWatch
    from organizer.service.notify import Notifier
    from organizer.service.pausing import Pausing
    from organizer.service.report import ServiceReport
    from organizer.service.served import Filed, Files
    from organizer.service.settle import ReadyBatch

logger = logging.getLogger(__name__)

_MOST_NAMED = 20  # of a kind, in the report
_RECOVERY_SECONDS = 900.0  # what recovery may take, at most, before systemd gives up on us
_CALM_SECONDS = 0.1  # so that what is due again and again takes no whole core
_GATHER_SECONDS = 0.05  # touches come in crowds: let them gather before looking at them


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How often the service does what nobody asks for, in seconds."""

    pulse: float = 5.0  # look whether the watches live and the inboxes are there
    due: float = 10.0  # ask for files whose retry time has come
    poll: float = 5.0  # list an inbox that cannot be watched
    retry: float = 30.0  # after the first failure of a batch; doubled after each further one


class Service:
    """Files what arrives in the inboxes. The caller holds the lock that keeps a second one away."""

    def __init__(
        self,
        config: Config,
        filing: Files,
        *,
        notify: Notifier,
        report_path: Path,
        pausing: Pausing | None = None,
        reconfigure: Callable[[], bool] = lambda: False,
        libraries: Sequence[LibraryWatch] = (),
        before: ServiceReport | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        once: bool = False,
        rhythm: Rhythm | None = None,
        progress: Callable[[str, int, int], None] | None = None,
        each_beat: Callable[[], None] = lambda: None,
        each_batch: Callable[[Filed], None] = lambda _: None,
    ) -> None:
        self._rescan_seconds = config.rescan_seconds
        self._filing = filing
        self._notify = notify
        self._clock = clock
        self._wall = wall
        self._once = once
        self._pausing = None if once else pausing
        self._reconfigure = reconfigure  # says whether there are other settings now, ready to be used
        self.superseded = False  # it has stopped for another to go on, under other settings
        self._shown_progress = progress
        self._each_batch = each_batch
        self._rhythm = rhythm or Rhythm()
        self._bell: queue.SimpleQueue[None] = queue.SimpleQueue()  # a signal handler may ring it
        self._intakes = [self._intake(inbox, config) for inbox in config.inbox]
        self._libraries = Libraries(libraries, clock=clock)
        self._worked = False  # since memory was given back
        self._overdue = False  # something was, when it rested last
        self._looking = False  # some library is not looked through to its end
        self._retries = Retries(first_seconds=self._rhythm.retry)
        self._bulletin = Bulletin(
            report_path,
            notify=notify,
            healthy=lambda: all(intake.watch.healthy() for intake in self._intakes),
            model_id=filing.model_id,
            before=before,
            each_beat=each_beat,
            clock=clock,
            wall=wall,
        )
        self._stopping = False
        self._paused = ""
        self._signal = 0
        self._reload_asked = False
        self._problems = 0
        self._untold = False  # the report has news that it is too early to write
        self._next_pulse = self._next_scan = self._next_due = float("-inf")

    def _intake(self, inbox: Inbox, config: Config) -> Intake:
        watch = Watch(
            inbox.root, ring=self._ring, mode=config.watch_of(inbox), poll_seconds=self._rhythm.poll
        )
        return Intake(
            inbox,
            watch,
            wanted=self._filing.wanted,
            settle_seconds=config.settle_seconds,
            stop=self._beating,
            wall=self._wall,
        )

    @property
    def report(self) -> ServiceReport:
        return self._bulletin.report

    def stop(self) -> None:
        """Ask the service to stop; a batch in hand is interrupted where it can be resumed."""
        self._stopping = True
        self._ring()

    def run(self) -> int:
        """Serve until stopped, or with `once` until the inboxes are empty; give the exit code."""
        with hearing(stop=self._on_stop, reload=self._on_reload):
            try:
                self._begin()
                while not self._stopping and not (self._once and self._settled()):
                    self._rest()
                    self._step()
                if not self.superseded:
                    self._notify.stopping()
                    self._bulletin.report.stopped = self._wall()
            finally:
                for intake in self._intakes:
                    intake.watch.stop()
                self._libraries.stop()
                self._bulletin.tell(at_once=True)
        if not self._once:
            return 0
        if self._stopping:
            return 128 + self._signal if self._signal else 0
        return 1 if self._problems or self._retries else 0

    def _begin(self) -> None:
        self._notify.extend(seconds=_RECOVERY_SECONDS)
        for sentence in self._filing.recover(stop=self._beating):
            logger.info("%s", sentence)
        self._look_after(self._clock())
        self._notify.ready()
        self._describe(at_once=True)

    def _step(self) -> None:
        now = self._clock()
        if self._reload_asked:
            self._reload(now)
            if self.superseded:
                return
        for intake in self._intakes:
            if intake.drain(now):
                self._next_scan = now
        self._look_after(now)
        self._offer_again(now)
        self._paused = self._why_paused()
        for intake in self._intakes:
            while (
                not self._stopping
                and not self._paused
                and (ready := intake.next_ready(self._clock())) is not None
            ):
                self._file(intake, ready)
                if intake.drain(self._clock()):
                    self._next_scan = self._clock()
        # A moment in which nothing is to be filed is used for the libraries.
        self._looking = not self._paused and self._libraries.look(
            stop=self._beating, trouble=self._bulletin.trouble
        )
        self._give_back_memory()
        self._describe()
        self._bulletin.beat()

    def _reload(self, now: float) -> None:
        """Read settings and rules again, and look through the inboxes."""
        self._reload_asked = False
        logger.info("asked to look again at settings, rules and inboxes")
        self._notify.reloading(monotonic_usec=time.monotonic_ns() // 1000)
        self._bulletin.report.config_problem = ""
        try:
            self.superseded = self._reconfigure()
        except Exception as error:  # whatever settings lead to, the old ones stay in force
            said = error.message if isinstance(error, OrganizerError) else f"{type(error).__name__}: {error}"
            self._bulletin.report.config_problem = shown(said)
            logger.error("the settings are refused, the old ones stay in force: %s", said)
        if self.superseded:
            self._stopping = True
            return  # whoever takes over says when it is ready
        self._reload_rules()
        self._next_scan = now
        self._notify.ready()

    def _look_after(self, now: float) -> None:
        """Keep the watches alive, and scan what must be scanned."""
        everything = now >= self._next_scan
        if not everything and now < self._next_pulse:
            return
        self._next_pulse = now + self._rhythm.pulse
        if everything:
            self._next_scan = now + self._rescan_seconds
            self._reload_rules()  # under other rules, what was left may be wanted
        for intake in self._intakes:
            must_scan = intake.renew()
            if must_scan:
                self._filing.retry(intake.inbox.root)
            if intake.watch.present and (must_scan or everything):
                self._scan(intake, now)

    def _scan(
        self, intake: Intake, now: float, *, folder: Path | None = None, besides: Iterable[Path] = ()
    ) -> None:
        try:
            intake.scan(now, folder=folder, besides=self._retries.paths.union(besides))
        except Exception as error:
            self._bulletin.trouble(f"the inbox {intake.inbox.title} could not be scanned", error)
            self._next_scan = min(self._next_scan, now + self._rhythm.retry)
        else:
            self._bulletin.report.last_scan = self._wall()

    def _offer_again(self, now: float) -> None:
        """Let those settle again that failed earlier and whose time has come."""
        paths = self._retries.due(now)
        if now >= self._next_due:
            self._next_due = now + self._rhythm.due
            try:
                paths += self._filing.due()
            except Exception as error:
                self._bulletin.trouble("the files to be tried again could not be asked for", error)
        for intake in self._intakes:
            intake.offer([path for path in paths if path.is_relative_to(intake.inbox.root)], now)

    def _file(self, intake: Intake, ready: ReadyBatch) -> None:
        inbox = intake.inbox
        title = shown(ready.pack or f"loose files in {inbox.title}")
        key = (inbox.title, ready.pack)
        self._worked = True
        self._describe(Busy(title=title, total=len(ready.paths)), at_once=True)
        self._reload_rules()
        try:
            filed = self._filing.file(
                Arrival(inbox=inbox, pack=ready.pack, paths=ready.paths),
                stop=self._asked_to_stop,
                progress=self._progress,
            )
        except Exception as error:
            wait = self._retries.failed(key, ready.paths, self._clock())
            self._bulletin.trouble(f"{title} could not be filed and is tried again in {wait:.0f} s", error)
        else:
            self._retries.done(key)
            self._count(filed)
            if filed.interrupted and not self._stopping:
                intake.offer(ready.paths, self._clock())  # a pause has come between
            if ready.pack is not None and not ready.partial and not self._stopping:
                self._look_for_more(intake, inbox.root / ready.pack, besides=ready.paths)
        finally:
            self._describe(at_once=True)

    def _progress(self, stage: str, done: int, total: int) -> None:
        self._bulletin.progress(stage, done, total)
        if self._shown_progress is not None:
            self._shown_progress(stage, done, total)

    def _count(self, filed: Filed) -> None:
        report = self._bulletin.report
        self._problems += filed.problems
        report.files_filed += filed.filed
        report.batches_filed += bool(filed.filed)
        if filed.filed:
            report.seconds_filing += filed.seconds
            report.filed_at = self._wall()
        # Copies and tags are something done, though their files are left where they are.
        if filed.batch is not None or filed.problems or filed.interrupted:
            logger.info(
                "%s: %d filed, %d left, %d with problems, in %.1f s%s%s",
                *(filed.title, filed.filed, filed.left, filed.problems, filed.seconds),
                "" if filed.batch is None else f", as batch {filed.batch}",
                "; interrupted" if filed.interrupted else "",
            )
            self._each_batch(filed)

    def _look_for_more(self, intake: Intake, folder: Path, *, besides: Iterable[Path]) -> None:
        """Look whether something of a pack was never heard of: events are hints, not proof."""
        if folder.is_dir() and not folder.is_symlink():
            self._scan(intake, self._clock(), folder=folder, besides=besides)

    def _give_back_memory(self) -> None:
        """Once after work, as soon as nothing waits."""
        if self._worked and not any(len(intake) for intake in self._intakes):
            self._worked = False
            self._filing.rest()
            give_back()

    def _reload_rules(self) -> None:
        try:
            problem = shown(self._filing.reload() or "")
        except Exception as error:
            self._bulletin.trouble("the rules could not be read again", error)
            return
        if problem and problem != self._bulletin.report.rules_problem:
            logger.error("the rules are broken, the last good ones stay in force: %s", problem)
        self._bulletin.report.rules_problem = problem

    def _describe(self, busy: Busy | None = None, *, at_once: bool = False) -> None:
        """Bring the report up to date."""
        now = self._clock()
        report = self._bulletin.report
        growing = [path for intake in self._intakes for path in intake.growing(now)]
        report.inboxes = [intake.report() for intake in self._intakes]
        report.libraries = self._libraries.reports
        report.waiting = sum(len(intake) for intake in self._intakes)
        report.growing = [shown(path) for path in growing[:_MOST_NAMED]]
        report.retrying = len(self._retries)
        report.retries = [
            Retry(
                title=shown(pack or f"loose files in {inbox}"),
                attempts=attempts,
                due=self._wall() + due - now,
            )
            for (inbox, pack), attempts, due in self._retries.waiting()[:_MOST_NAMED]
        ]
        report.rules_digest = self._filing.rules_digest
        report.paused = self._paused
        report.busy = busy
        self._untold = self._bulletin.tell(at_once=at_once)

    def _settled(self) -> bool:
        """Say whether nothing is left that will ever be complete."""
        now = self._clock()
        return all(len(intake) == len(intake.growing(now)) for intake in self._intakes)

    def _asked_to_stop(self) -> bool:
        """Answer whoever is at work on a batch."""
        self._bulletin.tell()
        if not self._paused:
            self._paused = self._why_paused()
        return self._beating() or bool(self._paused)

    def _why_paused(self) -> str:
        return "" if self._pausing is None else self._pausing.reason()

    def _beating(self) -> bool:
        """Answer whoever is at work, and take the question for a sign of life."""
        self._bulletin.beat()
        return self._stopping

    def _ring(self) -> None:
        self._bell.put(None)

    def _rest(self) -> None:
        """Wait until something is due, or the bell rings."""
        due = [self._next_pulse, self._next_scan, self._next_due, self._retries.next_due()]
        if not self._paused:  # what is ready then stays so until the next pulse asks again
            due += [intake.next_due() for intake in self._intakes]
        seconds = min(time_ for time_ in due if time_ is not None) - self._clock()
        overdue, self._overdue = self._overdue, seconds <= 0.0
        if self._looking or (overdue and self._overdue):
            seconds = _CALM_SECONDS
        if self._untold:
            seconds = min(seconds, SECONDS_BETWEEN)
        try:
            self._bell.get(timeout=max(seconds, 0.0))
        except queue.Empty:
            return
        while not self._bell.empty():
            self._bell.get()
        if not self._stopping:
            time.sleep(_GATHER_SECONDS)

    def _on_stop(self, number: int) -> None:
        self._signal = number
        self.stop()

    def _on_reload(self) -> None:
        self._reload_asked = True
        self._ring()
