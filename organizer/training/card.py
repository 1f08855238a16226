"""The model card: what a model was made from, how right it is, what it cannot do, how to make it again.

Writes Markdown from figures and manifest rows, and the two pictures that it shows; measures nothing itself.
"""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from organizer.labels import CATEGORY_OF, LABELS
from organizer.training.audit import (
    DROP_ABOVE,
    DROP_BELOW,
    KEPT_OF_SOFTENED,
    SOFTEN_ABOVE,
    SOFTEN_BELOW,
    Action,
    Suspect,
)
from organizer.training.dataset import Row
from organizer.training.examine import CROP_SECONDS, Examination
from organizer.training.likeness import NEAREST
from organizer.training.metrics import BINS
from organizer.training.network import EMBEDDING
from organizer.training.plots import calibration_picture, confusion_picture
from organizer.training.teachers import TEACHERS_SHARE

CONFUSIONS_SHOWN = 15

LIMITS = """\
- It hears the first 1.28 s after the silence at the beginning, and nothing later.
- It knows the labels above and no others. A sound of none of them still gets one, often with little
  confidence, but not always: it was taught not to be sure of noise, tones, mixes and voices over mixes,
  and speech alone is a `vocal` to it.
- `perc` is a loose word: sources use it for what others call toms, hand drums, blocks or effects.
- Bass and kick are one thing to an 808. Electronic toms are mistaken for kicks and congas, closed hats
  for shakers, open hats for crashes, snares for claps.
- Loops were few: most of those that it learnt from were sequenced from one-shots. A loop that begins
  with a long lone hit sounds like a one-shot for as long as the window lasts. What a loop is made of was
  learnt from those, and from names of real ones.
- `vocal`, `fx` and `synth` come mostly from games, instruments and old sound disks; modern vocal packs
  and cinematic effects are hardly among them.
- Figures are for sounds of kits that share no kit with what was learnt from, but the labels of `valid`
  hold errors too; they bound what any figure can reach.
"""

RECIPE = """\
What is done to every sound while learning: speed and pitch, EQ, saturation, reverb, noise, tails cut and
faded, lower rates and bit depths, a second hit below; then, on the pictures, mixup, the style of another
sound (mean and spread of each band of frequency), stripes wiped. Sounds are drawn by weights that keep
large kits and common labels from drowning the others; the noisiest sources count half. Loops are
sequenced from one-shots at 65 to 180 beats a minute, with swing, rests, notes and layers; flams, rolls
and echoes of one sound stay one-shots. Noises, tones and mixes that are no one-shot are made too, and
should be called nothing in particular. No length is fed to the network, and every sound is cropped or
padded to one window, which is shorter than the cut of any clip.
"""

DATA_TERMS = """\
The sounds themselves are neither in this repository nor in the model, and are not handed on. Where a
licence is known, it stands in the table, and it is that of the sounds, not of the model. Where it says
unknown, no licence text was found with the sounds: they were used to measure and to fit weights only;
who wants a model free of them can train one from other sounds with the command below. The weights are
numbers fitted to all sounds together; they hold no recording.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a card is written from.

    `elsewhere` are other sets on which the kind alone was measured: the name of each, and of its figures
    those that `metrics.kind_figures` gives, with `metrics.kind_counts` under `counts`.
    """

    model: Path
    learnt: Sequence[Row]
    valid: Sequence[Row]
    examined: Examination
    temperatures: Sequence[float]
    options: str  # of the command that made it, but for the manifest and what is written
    teachers: int
    suspects: Sequence[Suspect]
    threads: int
    seconds: float  # of the whole making
    tried: str  # Markdown: what was tried before; empty if nothing is told
    elsewhere: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    @property
    def figures(self) -> Mapping[str, object]:
        return self.examined.figures

    def write(self, path: Path) -> None:
        """Write the card and, beside it, its pictures."""
        path.write_text(self.text(), encoding="utf-8")
        for name, picture in self.pictures().items():
            path.with_name(name).write_text(picture, encoding="utf-8")

    def pictures(self) -> dict[str, str]:
        """Draw what the text shows: names of files, and the SVG that is in each."""
        confusion = self.figures.get("confusion")
        assert isinstance(confusion, dict)
        bins = {
            "On the kits that no temperature saw": self.examined.unfitted.get("reliability"),
            "On all of valid": self.figures.get("reliability"),
        }
        panels = {title: one for title, one in bins.items() if isinstance(one, list)}
        return {
            self._picture("confusion"): confusion_picture(confusion["labels"], confusion["counts"]),
            self._picture("calibration"): calibration_picture(panels),
        }

    def _picture(self, of: str) -> str:
        return f"{self.model.stem}-{of}.svg"

    def text(self) -> str:
        sections = (
            ("", self._head()),
            ("How right it is", self._figures_table()),
            ("One-shot or loop, elsewhere", self._elsewhere()),
            ("By label", self._label_table()),
            ("What it mistakes most", self._confusions()),
            ("Calibration", self._calibration()),
            ("Cut short", self._cropped()),
            ("Sounds of no label", self._strangers()),
            ("Are like sounds near?", self._likeness()),
            ("What it cannot do", LIMITS),
            ("What was tried", self.tried),
            ("The data", self._data()),
            ("Doubtful labels", self._suspects()),
            ("How to make it again", self._again()),
        )
        told = [(title, body) for title, body in sections if body]
        return "\n".join((f"## {title}\n\n{body}" if title else body) for title, body in told)

    def _head(self) -> str:
        total, learnt, valid = len(self.learnt) + len(self.valid), len(self.learnt), len(self.valid)
        return f"""\
# {self.model.stem}

A small convolutional network that says what a one-shot is. In: 1.28 s of sound at 32 kHz, any level.
Out: probabilities over {len(LABELS)} labels, of one-shot and loop, and of what a loop is made of; and an
embedding of {EMBEDDING} numbers in which like sounds are near. Front end, normalisation and calibration
are inside the file ({self.model.stat().st_size / 1e6:.1f} MB of ONNX). There, spectra are products with
matrices of sines and cosines: onnxruntime's STFT operator gives the same about five times as slowly.

Made from a private collection of {total:,} labelled sounds: {learnt:,} to learn from, {valid:,} of other
kits (`valid`) to measure on. No kit is in both. The weights saw nothing of `valid`, but `valid` had a say:
two temperatures were fitted on half of it (see Calibration), and what was tried was judged by it. Expect
a little less on kits that nobody has looked at.
"""

    def _figures_table(self) -> str:
        names = {
            "drum_category_accuracy": "category right, sounds of the seven drum categories",
            "category_accuracy": "category right, all",
            "category_macro_recall": "mean recall of the categories",
            "label_accuracy": "label right, all",
            "label_macro_recall": "mean recall of the labels",
            "kind_balanced_accuracy": "one-shot or loop, mean of both recalls",
        }
        intervals = self.figures.get("intervals")
        lines = ["| on `valid`, by sound alone | | 95 % interval over kits |", "| --- | --- | --- |"]
        for key, words in names.items():
            edges = intervals.get(key) if isinstance(intervals, dict) else None
            lines.append(f"| {words} | {_number(self.figures.get(key))} | {_span(edges)} |")
        coverage = self.figures.get("accuracy_at_coverage")
        if isinstance(coverage, dict):
            for share, accuracy in coverage.items():
                lines.append(
                    f"| category right among the surest {float(share):.0%} | {_number(accuracy)} | |"
                )
        recalls, counts = self.figures.get("kind_recall"), self.figures.get("counts")
        if isinstance(recalls, dict) and isinstance(counts, dict):
            for kind, recall in recalls.items():
                lines.append(f"| kind right, {kind} (n = {counts[f'kind_{kind}']}) | {_number(recall)} | |")
        return "\n".join(lines) + "\n"

    def _elsewhere(self) -> str:
        if not self.elsewhere:
            return ""
        lines = [
            "| set | one-shots | loops | recall, one-shot | recall, loop | mean of both |",
            "| --- | --- | --- | --- | --- | --- |",
        ]
        for name, figures in self.elsewhere.items():
            recalls, counts = figures.get("kind_recall"), figures.get("counts")
            assert isinstance(recalls, dict)
            assert isinstance(counts, dict)
            lines.append(
                f"| {_cell(name)} | {counts['kind_oneshot']} | {counts['kind_loop']} "
                f"| {_number(recalls['oneshot'])} | {_number(recalls['loop'])} "
                f"| {_number(figures.get('kind_balanced_accuracy'))} |"
            )
        told = (
            "Other sets than `valid`, for the kind alone: whole files as the product hears them, where\n"
            "onsets count beside this network, and without their names.\n\n"
        )
        return told + "\n".join(lines) + "\n"

    def _label_table(self) -> str:
        table = self.figures.get("per_label")
        assert isinstance(table, dict)
        learnt = Counter(row.label for row in self.learnt)
        lines = [
            "| label | category | learnt from | n | recall | 95 % interval | precision |",
            "| --- | --- | --- | --- | --- | --- | --- |",
        ]
        lines += [
            f"| {label} | {CATEGORY_OF[label]} | {learnt[label]} | {one['n']} | {_number(one['recall'], 2)} "
            f"| {_span(one['interval'], 2)} | {_number(one['precision'], 2)} |"
            for label, one in table.items()
        ]
        return (
            "\n".join(lines)
            + "\n\nThe interval is of the recall, over kits. Sounds of a single kit have none; few kits\n"
            "make one that is too narrow, and where every sound was right it has no width at all.\n"
        )

    def _confusions(self) -> str:
        confusion = self.figures.get("confusion")
        assert isinstance(confusion, dict)
        counts = confusion["counts"]
        pairs = [
            (counts[i][j], sum(counts[i]), LABELS[i], LABELS[j])
            for i in range(len(LABELS))
            for j in range(len(LABELS))
            if i != j and counts[i][j] and CATEGORY_OF[LABELS[i]] != CATEGORY_OF[LABELS[j]]
        ]
        shown = (
            f"Matrix of the {len(LABELS)} labels on valid: true labels down, heard labels across, "
            "numbers of sounds on shares of the row"
        )
        lines = [
            f"![{shown}]({self._picture('confusion')})",
            "",
            "Across categories, by how often:",
            "",
            "| is | heard as | times | of |",
            "| --- | --- | --- | --- |",
        ]
        lines += [
            f"| {true} | {heard} | {n} | {of} |"
            for n, of, true, heard in sorted(pairs, reverse=True)[:CONFUSIONS_SHOWN]
        ]
        return "\n".join(lines) + "\n"

    def _calibration(self) -> str:
        counts = self.examined.unfitted.get("counts")
        assert isinstance(counts, dict)
        labels, kinds = self.temperatures
        unfitted = self.examined.unfitted
        drums = _number(unfitted.get("drum_category_accuracy"))
        shown = (
            f"Share right over confidence in {BINS} bins, with the diagonal: kits that no temperature was "
            "fitted on, and all of valid"
        )
        return f"""\
![{shown}]({self._picture("calibration")})

The temperatures ({labels:.3f} of labels, {kinds:.3f} of kinds) were fitted on about half of the kits of
`valid`. On the other {counts["kits"]} kits, which they never saw, the expected calibration error of the
category's confidence is **{_number(unfitted.get("ece"))}** ({BINS} bins of equal mass,
n = {counts["label"]}); on all of `valid` it is {_number(self.figures.get("ece"))}. On those other kits alone
the drum category is right {drums} of the time.
"""

    def _cropped(self) -> str:
        names = {
            "drum_category_accuracy": "category right, sounds of the seven drum categories",
            "label_macro_recall": "mean recall of the labels",
            "kind_balanced_accuracy": "one-shot or loop, mean of both recalls",
        }
        cropped = self.examined.cropped
        lines = [f"| on `valid` | as it is | cut to {CROP_SECONDS} s |", "| --- | --- | --- |"]
        lines += [
            f"| {words} | {_number(self.figures.get(key))} | {_number(cropped.get(key))} |"
            for key, words in names.items()
        ]
        return (
            "What a sound is called, and whether it is a loop, must come from what it holds and not from\n"
            "where it was cut. Of all labels, the cut left as they were: "
            f"{_number(self.examined.agreeing)}.\n\n" + "\n".join(lines) + "\n"
        )

    def _strangers(self) -> str:
        lines = [
            "| made for this | n | mean confidence | AUROC | most often called |",
            "| --- | --- | --- | --- | --- |",
        ]
        lines += [
            f"| {name} | {group.count} | {group.confidence:.2f} | {_number(group.auroc)} | {group.called} |"
            for name, group in self.examined.strangers.items()
        ]
        return (
            "How often the confidence of a one-shot of `valid` is above that of a sound of no label (AUROC;\n"
            "0.5 is no better than chance). It was taught not to be sure of other noises, tones, mixes and\n"
            "voices over mixes; of these here, sweeps and the speech are of no kind that it was taught:\n\n"
            + "\n".join(lines)
            + "\n"
        )

    def _likeness(self) -> str:
        lines = [
            f"| share of the {NEAREST} nearest with the same label | anywhere | in other kits |",
            "| --- | --- | --- |",
        ]
        lines += [
            f"| {name} | {_number(anywhere)} | {_number(elsewhere)} |"
            for name, (anywhere, elsewhere) in self.examined.likeness.items()
        ]
        return "\n".join(lines) + "\n"

    def _data(self) -> str:
        rows = [*self.learnt, *self.valid]
        counted = Counter((row.source or "not named", row.license or "not named") for row in rows)
        learnt = Counter((row.source or "not named", row.license or "not named") for row in self.learnt)
        lines = [
            "| source | licence of the sounds | to learn from | to measure |",
            "| --- | --- | --- | --- |",
        ]
        lines += [
            f"| {_cell(source)} | {_cell(terms)} | {learnt[source, terms]} | {n - learnt[source, terms]} |"
            for (source, terms), n in sorted(counted.items())
        ]
        return DATA_TERMS + "\n" + "\n".join(lines) + "\n"

    def _suspects(self) -> str:
        if not self.teachers:
            return ""
        dropped = sum(one.action is Action.DROP for one in self.suspects)
        common = Counter((one.label, one.heard) for one in self.suspects).most_common(CONFUSIONS_SHOWN)
        lines = ["| labelled | heard as | sounds |", "| --- | --- | --- |"]
        lines += [f"| {label} | {heard} | {count} |" for (label, heard), count in common]
        return (
            f"""\
Every sound to learn from was heard by an ear that had learnt no label of its kit. Where that ear gave the
label's category less than {DROP_BELOW:.0%} and another more than {DROP_ABOVE:.0%}, the sound was left out
({dropped} sounds); where it gave less than {SOFTEN_BELOW:.0%} and more than {SOFTEN_ABOVE:.0%}, the label
counts for {KEPT_OF_SOFTENED:.0%} of what it would ({len(self.suspects) - dropped} sounds). Nothing of
`valid` was touched. All of them, as hashes of the sounds, stand in [a list]({self.model.stem}-suspects.csv).
Most often:

"""
            + "\n".join(lines)
            + "\n"
        )

    def _again(self) -> str:
        packages = ", ".join(
            f"{name} {version(name)}" for name in ("torch", "numpy", "soxr", "onnx", "onnxruntime")
        )
        taught = (
            f"{self.teachers} networks of the same shape learnt first, each without a part of the kits;\n"
            f"what they hear on average is {TEACHERS_SHARE:.0%} of what a sound should be called.\n\n"
            if self.teachers
            else ""
        )
        return f"""\
    pip install '.[train]'
    organizer train manifest.csv --root audio --out {self.model.name} \\
      {self.options}

It took {self.seconds / 60.0:.0f} minutes on {self.threads} cores, everything included. Python
{platform.python_version()}, {packages}.
The same seed, versions and number of threads repeat a run closely, not to the last bit.

{taught}{RECIPE}"""


def _number(value: object, digits: int = 3) -> str:
    return f"{value:.{digits}f}" if isinstance(value, float) else "none"


def _span(edges: object, digits: int = 3) -> str:
    if not isinstance(edges, list):
        return ""
    low, high = edges
    return f"{low:.{digits}f} to {high:.{digits}f}"


def _cell(text: str) -> str:
    return text.replace("|", "/").replace("\n", " ")
