"""How right the ear is: figures from answers, on arrays alone.

Needs numpy and nothing else: no torch, no files, no model. Every figure has its count beside it, and
None where there is nothing to count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from organizer.labels import CATEGORIES, CATEGORY_OF, DRUM_CATEGORIES, LABELS

NOT_LABELLED = -1
COVERAGES = ("0.6", "0.8", "0.9", "1.0")
LONG_ONESHOT_SECONDS = 1.6
BINS = 15  # of equal mass, in which confidence is held against the share right
CATEGORY_INDEX: NDArray[np.int64] = np.array([CATEGORIES.index(CATEGORY_OF[label]) for label in LABELS])


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What was asked and what was answered, one row a sound.

    `truth` (n,) indices into LABELS, NOT_LABELLED for loops; `probabilities` (n, 22); `heard_loop`,
    `is_loop` (n,) bool; `seconds` (n,) durations, NaN where unknown; `kits` (n,) the group that a sound
    is drawn with in the bootstrap.
    """

    truth: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    is_loop: NDArray[np.bool_]
    heard_loop: NDArray[np.bool_]
    seconds: NDArray[np.float64]
    kits: NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class Labelled:
    """The rows that count for labels, and what follows from them."""

    truth: NDArray[np.int64]
    label: NDArray[np.int64]
    category_truth: NDArray[np.int64]
    category: NDArray[np.int64]
    confidence: NDArray[np.float64]
    drum: NDArray[np.bool_]
    filed_as_oneshot: NDArray[np.bool_]
    kits: NDArray[np.str_]

    @property
    def category_right(self) -> NDArray[np.bool_]:
        right: NDArray[np.bool_] = self.category == self.category_truth
        return right


@dataclass(frozen=True, slots=True)
class Drawn:
    """Kits drawn with replacement, the same ones for every interval.

    `times` (resamples, kits) how often each kit was drawn; `kit_of` (n,) the kit of every row, `named` that
    of every labelled row.
    """

    times: NDArray[np.int64]
    kit_of: NDArray[np.intp]
    named: NDArray[np.intp]


class Bin(TypedDict):
    """Sounds of about the same confidence: its mean, the share right with its interval, how many."""

    confidence: float
    right: float
    interval: list[float] | None
    n: int


def to_categories(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum label probabilities (n, 22) into their categories (n, 11)."""
    sums = np.zeros((len(probabilities), len(CATEGORIES)))
    for label, category in enumerate(CATEGORY_INDEX):
        sums[:, category] += probabilities[:, label]
    return sums


def labelled(answers: Answers) -> Labelled:
    """Leave out the rows that count for kind only."""
    chosen = answers.truth != NOT_LABELLED
    truth = answers.truth[chosen]
    probabilities = answers.probabilities[chosen]
    categories = to_categories(probabilities)
    category = categories.argmax(axis=1) if len(truth) else np.zeros(0, dtype=np.int64)
    # As the product answers: the likeliest category, and the likeliest label inside it.
    inside = np.where(CATEGORY_INDEX[None] == category[:, None], probabilities, -1.0)
    category_truth = CATEGORY_INDEX[truth]
    return Labelled(
        truth=truth,
        label=inside.argmax(axis=1),
        category_truth=category_truth,
        category=category,
        confidence=categories.max(axis=1, initial=0.0),
        drum=category_truth < len(DRUM_CATEGORIES),
        filed_as_oneshot=~answers.heard_loop[chosen],
        kits=answers.kits[chosen],
    )


def report(answers: Answers, *, resamples: int = 1000, seed: int = 0) -> dict[str, object]:
    """Give every figure; intervals are 95 % bootstrap intervals over kits."""
    rows = labelled(answers)
    drawn = draw_kits(answers, resamples, seed)
    label_right = rows.label == rows.truth
    return {
        "n": len(answers.truth),
        "label_accuracy": _share(label_right),
        "label_macro_recall": _macro_recall(rows.truth, label_right, len(LABELS)),
        "category_accuracy": _share(rows.category_right),
        "category_macro_recall": _macro_recall(rows.category_truth, rows.category_right, len(CATEGORIES)),
        "drum_category_accuracy": _share(rows.category_right[rows.drum]),
        # The same, where a one-shot taken for a loop counts as wrong: it would be filed elsewhere.
        "drum_category_accuracy_as_filed": _share((rows.category_right & rows.filed_as_oneshot)[rows.drum]),
        **kind_figures(answers),
        "ece": calibration_error(rows.confidence, rows.category_right),
        "reliability": reliability(rows.confidence, rows.category_right, drawn),
        "accuracy_at_coverage": {
            coverage: accuracy_at_coverage(rows.confidence, rows.category_right, float(coverage))
            for coverage in COVERAGES
        },
        "per_label": per_label(rows, drawn),
        "per_category": per_category(rows),
        "confusion": {"labels": list(LABELS), "counts": confusion(rows.truth, rows.label).tolist()},
        "counts": {
            "label": len(rows.truth),
            "drum": int(rows.drum.sum()),
            "kits": len(np.unique(answers.kits)),
            **kind_counts(answers),
        },
        "intervals": intervals(answers, rows, drawn),
    }


def kind_figures(answers: Answers) -> dict[str, object]:
    recalls = {name: _share(right) for name, right in _kind_groups(answers).items()}
    oneshot, loop = recalls["oneshot"], recalls["loop"]
    balanced = None if oneshot is None or loop is None else (oneshot + loop) / 2.0
    return {"kind_balanced_accuracy": balanced, "kind_recall": recalls}


def kind_counts(answers: Answers) -> dict[str, int]:
    return {f"kind_{name}": len(right) for name, right in _kind_groups(answers).items()}


def _kind_groups(answers: Answers) -> dict[str, NDArray[np.bool_]]:
    right = answers.heard_loop == answers.is_loop
    long = ~answers.is_loop & (answers.seconds > LONG_ONESHOT_SECONDS)
    return {
        "oneshot": right[~answers.is_loop],
        "oneshot_over_1_6_s": right[long],
        "loop": right[answers.is_loop],
    }


def calibration_error(
    confidence: NDArray[np.float64], right: NDArray[np.bool_], bins: int = BINS
) -> float | None:
    """Expected calibration error over bins of equal mass: mean |confidence - share right|."""
    if not len(confidence):
        return None
    error = 0.0
    for part, said, share in _binned(confidence, right, bins):
        error += len(part) / len(confidence) * abs(said - share)
    return error


def reliability(confidence: NDArray[np.float64], right: NDArray[np.bool_], drawn: Drawn) -> list[Bin]:
    """Give the bins of `calibration_error`, least sure first; fewer than `BINS` where rows are fewer."""
    table: list[Bin] = []
    for part, said, share in _binned(confidence, right, BINS):
        among = np.zeros(len(right), dtype=np.bool_)
        among[part] = True
        table.append(
            {"confidence": said, "right": share, "interval": _interval(right, among, drawn), "n": len(part)}
        )
    return table


def _binned(
    confidence: NDArray[np.float64], right: NDArray[np.bool_], bins: int
) -> list[tuple[NDArray[np.intp], float, float]]:
    """Part rows into bins of equal mass: which they are, their mean confidence, their share right."""
    if not len(confidence):
        return []
    order = np.argsort(confidence, kind="stable")
    parts = np.array_split(order, min(bins, len(order)))
    return [(part, float(confidence[part].mean()), float(right[part].mean())) for part in parts]


def accuracy_at_coverage(
    confidence: NDArray[np.float64], right: NDArray[np.bool_], coverage: float
) -> float | None:
    """Share right among the surest `coverage` of the sounds."""
    count = round(len(confidence) * coverage)
    if not count:
        return None
    surest = np.argsort(-confidence, kind="stable")[:count]
    return float(right[surest].mean())


def auroc(inside: NDArray[np.float64], outside: NDArray[np.float64]) -> float | None:
    """Give the chance that a confidence from `inside` is above one from `outside`; ties count half."""
    if not len(inside) or not len(outside):
        return None
    ordered = np.sort(outside)
    below = np.searchsorted(ordered, inside, side="left")
    not_above = np.searchsorted(ordered, inside, side="right")
    return float((below + not_above).mean() / 2.0 / len(outside))


def confusion(truth: NDArray[np.int64], heard: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count (true label, heard label)."""
    counts = np.zeros((len(LABELS), len(LABELS)), dtype=np.int64)
    np.add.at(counts, (truth, heard), 1)
    return counts


def per_label(rows: Labelled, drawn: Drawn) -> dict[str, dict[str, object]]:
    """Give recall with its interval, precision and count of each label."""
    table = _per_class(rows.truth, rows.label, LABELS)
    right = rows.label == rows.truth
    for index, label in enumerate(LABELS):
        table[label]["interval"] = _interval(right, rows.truth == index, drawn)
    return table


def per_category(rows: Labelled) -> dict[str, dict[str, object]]:
    return _per_class(rows.category_truth, rows.category, CATEGORIES)


def _per_class(
    truth: NDArray[np.int64], heard: NDArray[np.int64], names: tuple[str, ...]
) -> dict[str, dict[str, object]]:
    table: dict[str, dict[str, object]] = {}
    for index, name in enumerate(names):
        there, said = truth == index, heard == index
        table[name] = {
            "n": int(there.sum()),
            "recall": _share(said[there]),
            "precision": _share(there[said]),
        }
    return table


def draw_kits(answers: Answers, resamples: int, seed: int) -> Drawn:
    """Draw as many kits as there are, with replacement, as often as is asked."""
    kits, kit_of = np.unique(answers.kits, return_inverse=True)
    times = np.zeros((resamples, 0), dtype=np.int64)
    if len(kits):
        even = np.full(len(kits), 1.0 / len(kits))
        times = np.random.default_rng(seed).multinomial(len(kits), even, size=resamples)
    return Drawn(times, kit_of, kit_of[answers.truth != NOT_LABELLED])


def intervals(answers: Answers, rows: Labelled, drawn_kits: Drawn) -> dict[str, list[float] | None]:
    """95 % intervals of the main figures, drawing whole kits with replacement."""
    times, kit_of, named = drawn_kits.times, drawn_kits.kit_of, drawn_kits.named
    resamples, kits = times.shape
    if not kits:
        return {}
    label_right = rows.label == rows.truth

    def drawn(right: NDArray[np.bool_], among: NDArray[np.bool_]) -> NDArray[np.float64]:
        return _resampled(right, among, named, times)

    everything = np.ones(len(rows.truth), dtype=np.bool_)
    by_label = [drawn(label_right, rows.truth == one) for one in np.unique(rows.truth)]
    by_category = [
        drawn(rows.category_right, rows.category_truth == one) for one in np.unique(rows.category_truth)
    ]
    kind_right = answers.heard_loop == answers.is_loop
    by_kind = [_resampled(kind_right, answers.is_loop == kind, kit_of, times) for kind in (False, True)]
    order = np.argsort(-rows.confidence, kind="stable")
    surest, right = rows.confidence[order], rows.category_right[order]
    draws = [times[draw][named[order]] for draw in range(resamples)]
    return {
        "label_accuracy": _middle(drawn(label_right, everything)),
        "label_macro_recall": _middle(_mean_of(by_label, resamples)),
        "category_accuracy": _middle(drawn(rows.category_right, everything)),
        "category_macro_recall": _middle(_mean_of(by_category, resamples)),
        "drum_category_accuracy": _middle(drawn(rows.category_right, rows.drum)),
        "kind_balanced_accuracy": _middle(np.mean(by_kind, axis=0)),
        "accuracy_at_coverage_0.8": _middle(np.array([_surest_right(right, draw, 0.8) for draw in draws])),
        "ece": _middle(np.array([_weighed_error(surest, right, draw) for draw in draws])),
    }


def _interval(right: NDArray[np.bool_], among: NDArray[np.bool_], drawn: Drawn) -> list[float] | None:
    """95 % interval of the share right among some labelled rows; None where they are of fewer than two kits.

    Every draw of a single kit is that kit again: no width at all, which would look like certainty.
    """
    if len(np.unique(drawn.named[among])) < 2:
        return None
    return _middle(_resampled(right, among, drawn.named, drawn.times))


def _resampled(
    right: NDArray[np.bool_], among: NDArray[np.bool_], kit_of: NDArray[np.intp], times: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Give the share right among some rows in every resample, NaN where none of them was drawn."""
    kits = times.shape[1]
    total = times @ np.bincount(kit_of[among], minlength=kits)
    hits = times @ np.bincount(kit_of[among & right], minlength=kits)
    shares: NDArray[np.float64] = np.full(len(times), np.nan)
    np.divide(hits, total, out=shares, where=total > 0)
    return shares


def _mean_of(shares: list[NDArray[np.float64]], resamples: int) -> NDArray[np.float64]:
    """Average over the classes that a resample holds."""
    if not shares:
        return np.full(resamples, np.nan)
    stacked = np.stack(shares)
    known = ~np.isnan(stacked)
    mean: NDArray[np.float64] = np.where(known, stacked, 0.0).sum(axis=0) / np.maximum(1, known.sum(axis=0))
    return mean


def _surest_right(right: NDArray[np.bool_], draw: NDArray[np.int64], coverage: float) -> float:
    """`accuracy_at_coverage` of rows sorted surest first, each counted as often as it was drawn."""
    before = np.cumsum(draw) - draw
    counted = np.clip(draw.sum() * coverage - before, 0.0, draw)
    return float((right * counted).sum() / counted.sum()) if counted.sum() else float("nan")


def _weighed_error(
    confidence: NDArray[np.float64], right: NDArray[np.bool_], draw: NDArray[np.int64]
) -> float:
    """`calibration_error` of sorted rows, each counted as often as it was drawn."""
    total = draw.sum()
    if not total:
        return float("nan")
    bins = np.minimum(BINS - 1, (np.cumsum(draw) - draw) * BINS // total)
    gaps = np.bincount(bins, (confidence - right) * draw, minlength=BINS)
    return float(np.abs(gaps).sum() / total)


def _middle(values: NDArray[np.float64]) -> list[float] | None:
    known = values[~np.isnan(values)]
    return [float(edge) for edge in np.percentile(known, [2.5, 97.5])] if len(known) else None


def _share(right: NDArray[np.bool_]) -> float | None:
    return float(right.mean()) if len(right) else None


def _macro_recall(truth: NDArray[np.int64], right: NDArray[np.bool_], classes: int) -> float | None:
    recalls = [right[truth == index].mean() for index in range(classes) if np.any(truth == index)]
    return float(np.mean(recalls)) if recalls else None
