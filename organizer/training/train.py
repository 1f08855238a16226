"""The training run: steps in, a network out, its state on disk after every pass.

Draws nothing on a screen: what happens is told to the `Listener` it is given. Needs torch.
"""

from __future__ import annotations

import copy
import math
import pickle
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch.nn import functional

from organizer.errors import UsageProblem
from organizer.training.mixing import Step

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor

    from organizer.training.network import Network, Output


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long and how fast to learn."""

    steps_per_pass: int
    passes: int = 12
    rate: float = 3e-3
    decay: float = 0.03
    warm_up: float = 0.08  # share of the run
    average: float = 0.995  # of the moving average of the weights, per step
    kind_share: float = 0.3  # of the loss
    content_share: float = 0.2
    loop_weight: float = 2.0  # how much more a loop counts for the kind: there are fewer
    data: str = ""  # what it learns from, named so that a run is not taken up with anything else
    seed: int = 1
    threads: int = 2

    @property
    def steps(self) -> int:
        return self.steps_per_pass * self.passes


class Listener(Protocol):
    """Is told how the run goes."""

    def step(self, number: int, of: int, loss: float) -> None: ...

    def finished_pass(self, number: int, of: int, loss: float, seconds: float, averaged: Network) -> None: ...


class Trainer:
    """Learn by `plan`; `state` is written after every pass and taken up again from there."""

    def __init__(
        self, network: Network, plan: Plan, *, state: Path | None = None, device: str = "cpu",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._plan = plan
        self._state = state
        self._clock = clock
        self._device = torch.device(device)
        self.network = network.to(self._device)
        # Convolutions on a CPU are a third faster with the channels innermost.
        for value in self.network.parameters():
            if value.ndim == 4:
                value.data = value.data.contiguous(memory_format=torch.channels_last)
        self.averaged = _copy_of(self.network)
        # Only matrices and kernels decay: scales and offsets have nothing to shrink to.
        decaying = [p for p in self.network.parameters() if p.ndim > 1]
        others = [p for p in self.network.parameters() if p.ndim <= 1]
        self._optimiser = torch.optim.AdamW(
            [{"params": decaying, "weight_decay": plan.decay}, {"params": others, "weight_decay": 0.0}],
            lr=plan.rate,
        )
        self._passes_done = 0
        self._seconds = 0.0

    @property
    def passes_done(self) -> int:
        return self._passes_done

    @property
    def seconds(self) -> float:
        """How long learning has taken so far, over all sittings."""
        return self._seconds

    def resume(self) -> int:
        """Take up the run that was interrupted; return how many passes it had done (0: nothing there)."""
        if self._state is None or not self._state.exists():
            return 0
        saved = _read_state(self._state, self._device)
        if saved["plan"] != _settings(self._plan):
            raise UsageProblem(
                "the interrupted run was started with other settings",
                path=self._state,
                hint="give the same settings, or leave out --resume to begin anew",
            )
        self.network.load_state_dict(saved["network"])
        self.averaged.load_state_dict(saved["averaged"])
        self._optimiser.load_state_dict(saved["optimiser"])
        self._passes_done = int(saved["passes"])
        self._seconds = float(saved["seconds"])
        return self._passes_done

    def run(self, steps: Callable[[int], Step], listener: Listener) -> Network:
        """Learn to the end of the plan and return the averaged network."""
        plan = self._plan
        while self._passes_done < plan.passes:
            loss = self._one_pass(steps, listener)
            self._passes_done += 1
            self._save()
            listener.finished_pass(self._passes_done, plan.passes, loss, self._seconds, self.averaged)
        self.averaged.eval()
        return self.averaged

    def _one_pass(self, steps: Callable[[int], Step], listener: Listener) -> float:
        plan, total = self._plan, 0.0
        self.network.train()
        first = self._passes_done * plan.steps_per_pass
        # Dropout draws from here, so that a resumed pass draws what the whole run would have.
        torch.manual_seed(plan.seed * 1_000_003 + self._passes_done)
        for number in range(first, first + plan.steps_per_pass):
            started = self._clock()
            for group in self._optimiser.param_groups:
                group["lr"] = plan.rate * _schedule(number / plan.steps, plan.warm_up)
            loss = self._step(steps(number), number)
            total += loss
            self._seconds += self._clock() - started
            listener.step(number + 1, plan.steps, loss)
        return total / plan.steps_per_pass

    def _step(self, step: Step, number: int) -> float:
        step = Step(*(getattr(step, name).to(self._device) for name in Step.__slots__))
        heard = self.network.hear(step.whole, step.attack)
        loss = _loss(heard, step, self._plan)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 2.0)
        self._optimiser.step()
        # The average forgets its beginning faster than its end.
        keep = min(self._plan.average, (number + 1) / (number + 10))
        with torch.no_grad():
            for mean, now in zip(_values(self.averaged), _values(self.network), strict=True):
                if mean.dtype.is_floating_point:
                    mean.lerp_(now, 1.0 - keep)
                else:
                    mean.copy_(now)
        return float(loss.detach())

    def _save(self) -> None:
        if self._state is None:
            return
        self._state.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._state.with_suffix(".new")
        torch.save(
            {
                "plan": _settings(self._plan),
                "network": self.network.state_dict(),
                "averaged": self.averaged.state_dict(),
                "optimiser": self._optimiser.state_dict(),
                "passes": self._passes_done,
                "seconds": self._seconds,
            },
            fresh,
        )
        fresh.replace(self._state)


def _read_state(path: Path, device: torch.device) -> dict[str, Any]:
    try:
        saved = torch.load(path, map_location=device, weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
        raise UsageProblem("the state of that training run cannot be read", path=path) from error
    if not isinstance(saved, dict) or not {"plan", "network", "averaged", "optimiser"} <= saved.keys():
        raise UsageProblem("that is no state of a training run", path=path)
    return saved


def _settings(plan: Plan) -> dict[str, Any]:
    """Give what must agree for a run to be taken up; the number of cores need not."""
    settings = asdict(plan)
    del settings["threads"]
    return settings


def _loss(heard: Output, step: Step, plan: Plan) -> Tensor:
    weight = torch.tensor([1.0, plan.loop_weight], device=heard.kinds.device)
    by_label = functional.cross_entropy(heard.labels, step.labels, reduction="none")
    by_kind = functional.cross_entropy(heard.kinds, step.kinds, weight=weight, reduction="none")
    by_content = functional.cross_entropy(heard.contents, step.contents, reduction="none")
    return (
        _mean(by_label, step.named)
        + plan.kind_share * _mean(by_kind, step.of_kind)
        + plan.content_share * _mean(by_content, step.filled)
    )


def _mean(losses: Tensor, known: Tensor) -> Tensor:
    return (losses * known).sum() / known.sum().clamp_min(1.0)


def _schedule(progress: float, warm_up: float) -> float:
    """Rise in a straight line, then fall along a cosine to nothing."""
    if progress < warm_up:
        return max(0.02, progress / warm_up)
    return 0.5 * (1.0 + math.cos(math.pi * min(1.0, (progress - warm_up) / (1.0 - warm_up))))


def _copy_of(network: Network) -> Network:
    averaged = copy.deepcopy(network)
    for value in averaged.parameters():
        value.requires_grad_(False)
    return averaged.eval()


def _values(network: Network) -> list[Tensor]:
    return [*network.parameters(), *network.buffers()]
