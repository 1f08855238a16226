"""Puts the parts together for a command, each made only when it is first asked for."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from organizer.config import Config, Home, load
from organizer.errors import ConfigError, RulesError
from organizer.resources import shipped_model
from organizer.rules.book import EVERYWHERE

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from types import TracebackType

    from organizer.batch.correcting import Correcting
    from organizer.batch.dragging import Dragging
    from organizer.batch.filing import Filing
    from organizer.batch.gate import Gate
    from organizer.batch.indexing import Indexing
    from organizer.batch.observing import Observing
    from organizer.batch.proposing import Proposing
    from organizer.batch.reclassifying import Reclassifying
    from organizer.batch.suggesting import Suggesting
    from organizer.batch.undoing import Undoing
    from organizer.execution.executor import Executor
    from organizer.execution.filesystem import Filesystem
    from organizer.execution.journal import Journal
    from organizer.execution.reader import JournalReader
    from organizer.library.corrections import Corrections
    from organizer.library.index import Index
    from organizer.library.relocations import Relocations
    from organizer.library.remainders import Remainders
    from organizer.library.suggestions import Suggestions
    from organizer.recognition.recognize import Recognizer
    from organizer.rules.book import RuleBook


class Assembly:
    """The parts of one installation; used as a context manager, it closes what it opened."""

    def __init__(self, home: Home | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self.home = home or Home.find(os.environ)
        self.clock = clock  # seconds since the epoch
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    @cached_property
    def config(self) -> Config:
        return load(self.home)

    @cached_property
    def _store(self) -> sqlite3.Connection:
        from organizer.library.store import open_store

        connection = open_store(self.home.index)
        self._open.callback(connection.close)
        return connection

    @cached_property
    def index(self) -> Index:
        from organizer.library.index import Index

        return Index(self._store)

    @cached_property
    def remainders(self) -> Remainders:
        from organizer.library.remainders import Remainders

        return Remainders(self._store)

    @cached_property
    def journal(self) -> Journal:
        from organizer.execution.journal import Journal

        return self._open.enter_context(Journal(self.home.journal, folders=self._folders()))

    def _folders(self) -> list[Path]:
        """Name the folders that paths of the journal are told from."""
        if not self.home.config_file.exists():
            return []
        return [*(one.root for one in self.config.inbox), *self.config.library_roots]

    @cached_property
    def journal_to_read(self) -> JournalReader:
        from organizer.execution.reader import JournalReader

        return self._open.enter_context(JournalReader(self.home.journal))

    @cached_property
    def filesystem(self) -> Filesystem:
        from organizer.execution.filesystem import Filesystem

        configured = self.home.config_file.exists()
        return Filesystem([inbox.root for inbox in self.config.inbox] if configured else [])

    @cached_property
    def executor(self) -> Executor:
        from organizer.execution.executor import Executor

        return Executor(self.journal, self.filesystem)

    @cached_property
    def book(self) -> RuleBook:
        from organizer.rules.book import RuleBook

        self.rule_files()  # none at all is a mistake at the start, though not while a service runs
        return RuleBook(self._rule_files_now, libraries=self.library_names)

    @cached_property
    def ear(self) -> Recognizer:
        return self.recognizer()

    @cached_property
    def corrections(self) -> Corrections:
        from organizer.library.corrections import Corrections

        return Corrections(
            lambda: {sound: one.label or "" for sound, one in self._told.taught().items()},
            version=lambda: self._told.last_taught(),
        )

    @property
    def _told(self) -> JournalReader:
        """The journal, whether it is written to or only read; until it is made, there is none to read."""
        return self.__dict__.get("journal") or self.journal_to_read

    @cached_property
    def correcting(self) -> Correcting:
        from organizer.batch.correcting import Correcting

        return Correcting(
            ear=lambda: self.ear,
            index=self.index,
            journal=self.journal,
            executor=self.executor,
            state=self.home.state,
        )

    @cached_property
    def gate(self) -> Gate:
        from organizer.batch.gate import Gate
        from organizer.batch.proposing import context_of

        return Gate(
            self.journal,
            self.remainders,
            suggested=self._is_suggested,
            context=lambda: context_of(self.book, self.ear),
            clock=self.clock,
        )

    @cached_property
    def proposing(self) -> Proposing:
        from organizer.batch.proposing import Proposing

        return Proposing(
            config=self.config,
            recognizer=self.ear,
            book=self.book,
            journal=self.journal,
            index=self.index,
            gate=self.gate,
            clock=self.clock,
        )

    @cached_property
    def filing(self) -> Filing:
        from organizer.batch.filing import Filing

        return Filing(
            state=self.home.state,
            proposing=self.proposing,
            gate=self.gate,
            book=self.book,
            journal=self.journal,
            executor=self.executor,
            filesystem=self.filesystem,
            index=self.index,
            remainders=self.remainders,
            libraries=self.config.library_roots,
            clock=self.clock,
        )

    def _is_suggested(self, path: Path) -> bool:
        """Say whether a file waits for its user's word; in the mode in which nobody is asked, none does."""
        return self.config.mode == "suggest" and path in self.suggestions

    @cached_property
    def suggestions(self) -> Suggestions:
        from organizer.library.suggestions import Suggestions

        return Suggestions(self._store)

    @cached_property
    def suggesting(self) -> Suggesting:
        from organizer.batch.suggesting import Suggesting

        return Suggesting(filing=self.filing, suggestions=self.suggestions, inboxes=self.config.inbox)

    @property
    def served(self) -> Filing | Suggesting:
        """What the service does with what arrives."""
        return self.suggesting if self.config.mode == "suggest" else self.filing

    @cached_property
    def indexing(self) -> Indexing:
        from organizer.batch.indexing import Indexing

        return Indexing(recognizer=self.ear, index=self.index, clock=self.clock)

    @cached_property
    def reclassifying(self) -> Reclassifying:
        from organizer.batch.reclassifying import Reclassifying

        return Reclassifying(ear=self.ear, index=self.index, pipeline=self.proposing.pipeline)

    @cached_property
    def observing(self) -> Observing:
        from organizer.batch.observing import Observing

        return Observing(
            self.index,
            self.filesystem,
            state=self.home.state,
            learn=lambda moves, *, stop: self.dragging.learn(moves, stop=stop),
        )

    @cached_property
    def relocations(self) -> Relocations:
        from organizer.library.relocations import Relocations

        return Relocations(self._store)

    @cached_property
    def dragging(self) -> Dragging:
        from organizer.batch.dragging import Dragging

        return Dragging(
            index=self.index,
            journal=self.journal,
            relocations=self.relocations,
            correcting=self.correcting,
            pipeline=self.proposing.pipeline,
        )

    @cached_property
    def undoing(self) -> Undoing:
        from organizer.batch.undoing import Undoing

        return Undoing(
            config=self.config,
            state=self.home.state,
            journal=self.journal,
            executor=self.executor,
            filesystem=self.filesystem,
            index=self.index,
            renew=lambda sounds: self.correcting.renew(sounds),
        )

    def model_path(self) -> Path:
        """Name the model file in use; commands that only listen need no configuration."""
        try:
            configured = self.config.model
        except ConfigError:
            if self.home.config_file.exists():
                raise
            configured = ""
        return Path(configured).expanduser() if configured else shipped_model()

    def recognizer(self, *, audio_only: bool = False, keep_embedding: bool = True) -> Recognizer:
        from organizer.recognition.classifier import Classifier
        from organizer.recognition.recognize import Recognizer
        from organizer.recognition.vocabulary import Vocabulary

        path = self.model_path()
        configured = self.home.config_file.exists()
        threads = self.config.threads if configured else 2
        return Recognizer(
            Classifier.load(path, threads=threads),
            vocabulary=Vocabulary.load(self.config.vocabulary if configured else None),
            audio_only=audio_only,
            threads=threads,
            keep_embedding=keep_embedding,
            personal=None if audio_only else self.corrections,
        )

    def rule_files(self) -> list[Path]:
        """Name the rule files in use, those of every inbox, each once."""
        if found := list(dict.fromkeys(path for paths in self._rule_files_now().values() for path in paths)):
            return found
        raise RulesError(
            (f"there is no rule file in {self.home.rules}",),
            path=self.home.rules,
            hint="`organizer init` writes the default rules; or write your own there, ending in .toml.",
        )

    def _rule_files_now(self) -> dict[str, list[Path]]:
        """Give the files of each inbox that names some; the rest, in the order of their names, is for all
        others."""
        inboxes = self.config.inbox if self.home.config_file.exists() else []
        own = {
            one.title: [self.home.rules / Path(name).expanduser() for name in one.rules]
            for one in inboxes
            if one.rules
        }
        named = {path for paths in own.values() for path in paths}
        return {
            EVERYWHERE: [path for path in sorted(self.home.rules.glob("*.toml")) if path not in named],
            **own,
        }

    @property
    def library_names(self) -> list[str] | None:
        """Name the libraries that rules may name; nobody knows while there is no configuration."""
        return sorted(self.config.libraries) if self.home.config_file.exists() else None
