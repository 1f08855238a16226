from __future__ import annotations

from typing import TYPE_CHECKING

from organizer.rules.book import EVERYWHERE, RuleBook
from tests.planning.filing import rule

if TYPE_CHECKING:
    from pathlib import Path


def test_rules_that_break_or_vanish_stay_in_force_until_they_are_mended(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    good = "version = 1\n" + rule('{ move = "A/" }', name="First")
    file.write_text(good)
    book = RuleBook(lambda: {EVERYWHERE: sorted(tmp_path.glob("*.toml"))})
    assert book.reload() is None

    file.write_text("version = 1\n[[rule]\n")
    assert "not valid TOML" in (book.reload() or "")
    assert [one.name for one in book.of("Inbox").rules] == ["First"]

    file.unlink()
    assert book.reload() == "there is no rule file any more"
    assert [one.name for one in book.of("Inbox").rules] == ["First"]

    file.write_text(good.replace("First", "Second"))
    assert book.reload() is None
    assert [one.name for one in book.of("Inbox").rules] == ["Second"]
