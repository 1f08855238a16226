"""Rules, and how they decide on one item: the first that holds wins, and each says why or why not. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from organizer.rules.actions import Action, Leave, MoveTo
from organizer.rules.conditions import AllOf, words_of
from organizer.sample import FileType, Item

if TYPE_CHECKING:
    from organizer.rules.terms import Finding


OnDuplicate = Literal["keep", "skip", "trash", "link"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule says of one item."""

    rule_name: str
    held: bool
    why: str


@dataclass(frozen=True, kw_only=True)
class Rule:
    name: str
    when: AllOf
    then: tuple[Action, ...]
    goes_on: bool = False  # `continue`: later rules are asked too
    enabled: bool = True
    on_duplicate: OnDuplicate = "keep"  # what becomes of a sound that the library has already
    file: str = ""
    number: int = 0  # in its file, from 1

    def judge(self, item: Item) -> Verdict:
        if not self.enabled:
            return Verdict(self.name, False, "it is switched off")
        if reason := self._passes_over(item):
            return Verdict(self.name, False, reason)
        finding = self.when.check(item)
        return Verdict(self.name, finding.held, "holds" if finding.held else finding.why)

    def findings(self, item: Item) -> tuple[Finding, ...]:
        """Ask each condition by itself, whatever the others say."""
        return tuple(condition.check(item) for condition in self.when.conditions)

    @property
    def settles(self) -> bool:
        """Say whether the rule decides where the file lies."""
        return any(isinstance(action, MoveTo | Leave) for action in self.then)

    @cached_property
    def words(self) -> frozenset[str]:
        return words_of(self.when)

    def _passes_over(self, item: Item) -> str | None:
        """Keep a rule to readable sounds outside bundles, unless it names the others.

        A bundle must stay whole, so a rule that takes bundled files takes every one of them.
        """
        if "bundle" in self.words:
            return None
        if item.bundle is not None:
            return f"it lies in the bundle {item.bundle.name}, and the rule does not say bundle = true"
        if item.type is not FileType.AUDIO and "type" not in self.words:
            return f"its type is {item.type}, and the rule names no type"
        if not item.readable and "readable" not in self.words:
            return "it cannot be read, and the rule does not name readable"
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is wanted for one item, and why."""

    item: Item
    rule: Rule | None  # the one that moves or leaves it; else the last that held
    actions: tuple[Action, ...]
    trace: tuple[Verdict, ...]  # every rule, in order


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSet:
    rules: tuple[Rule, ...]
    digest: str  # of the rule files' bytes
    warnings: tuple[str, ...] = ()

    def decide(self, item: Item) -> Decision:
        """Ask the rules in order, up to the first that holds and does not go on."""
        actions: list[Action] = []
        trace: list[Verdict] = []
        settled: Rule | None = None
        last: Rule | None = None
        for rule in self.rules:
            if last is not None and not last.goes_on:
                trace.append(Verdict(rule.name, False, f'not asked: "{last.name}" comes first'))
                continue
            verdict = rule.judge(item)
            if verdict.held:
                if settled and rule.settles:
                    verdict = Verdict(rule.name, True, f'holds, but "{settled.name}" has placed the file')
                actions += [a for a in rule.then if not (settled and isinstance(a, MoveTo | Leave))]
                settled = settled or (rule if rule.settles else None)
                last = rule
            trace.append(verdict)
        return Decision(item=item, rule=settled or last, actions=tuple(actions), trace=tuple(trace))
