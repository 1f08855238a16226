"""`organizer train` and `organizer evaluate`: make an ear, and measure one."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from organizer.cli.output import Progress, as_json, duration_text, say, warn
from organizer.errors import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from organizer.training.dataset import Row

PROBLEMS_SHOWN = 20


@click.command()
@click.argument("sounds", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="What the manifest's files lie below.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("runs/ear.onnx"),
    show_default=True,
    help="The model to write; its card is written beside it.",
)
@click.option("--seed", default=1, show_default=True, help="Two runs of one seed draw the same.")
@click.option(
    "--passes",
    default=30,
    show_default=True,
    type=click.IntRange(1),
    help="How often to go through the sounds.",
)
@click.option(
    "--teachers",
    default=4,
    show_default=True,
    type=click.IntRange(0),
    help="Ears that learn first, each without a part of the kits, and doubt labels; 0: none.",
)
@click.option(
    "--teacher-passes", default=9, show_default=True, type=click.IntRange(1), help="The same, of each."
)
@click.option(
    "--bank-passes",
    default=12,
    show_default=True,
    type=click.IntRange(1),
    help="How many changed copies of all sounds to make; 7 kB of disk each.",
)
@click.option("--batch", default=96, show_default=True, type=click.IntRange(4), help="Sounds a step.")
@click.option("--threads", default=2, show_default=True, type=click.IntRange(1), help="Cores to use.")
@click.option(
    "--tried",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Markdown for the card: what was tried before.",
)
@click.option(
    "--also",
    "also",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A manifest beside its files, on which to measure one-shot or loop too; may be repeated.",
)
@click.option("--resume", is_flag=True, help="Take up the interrupted run that wrote beside --out.")
def train(
    *, sounds: Path, root: Path | None, out: Path, seed: int, passes: int, teachers: int,
    teacher_passes: int, bank_passes: int, batch: int, threads: int, tried: Path | None,
    also: tuple[Path, ...], resume: bool,
) -> None:  # fmt: skip
    """Train a model from labelled sounds.

    SOUNDS is a CSV file with the columns file and label; split (train, valid), source, kit and license
    are used where they are there, and rows labelled loop teach what a loop is. Or it is a folder of
    folders named for what lies in them, as Organizer names them, such as a library of your own.

    \b
    Examples:
      organizer train ~/Library --out ears/mine.onnx
      organizer train manifest.csv --root ~/Labelled --out ears/mine.onnx
      organizer train manifest.csv --root ~/Labelled --out ears/mine.onnx --resume
    """
    for module in ("torch", "onnx", "matplotlib"):
        if importlib.util.find_spec(module) is None:
            raise UsageProblem(
                f"training needs {module}, which is not installed",
                hint="In the checkout: pip install '.[train]'",
            )
    from organizer.training.recipe import Settings, make

    rows = _rows(sounds, root)
    settings = Settings(
        out=out,
        seed=seed,
        passes=passes,
        teachers=teachers,
        teacher_passes=teacher_passes,
        bank_passes=bank_passes,
        batch=batch,
        threads=threads,
        tried=tried,
        also=also,
        resume=resume,
    )
    with Progress("train") as progress:
        made = make(rows, settings, _Told(progress))
    _report_problems(made.unread)
    say(f"made in {duration_text(made.seconds)}; on the sounds of split valid, by sound alone:")
    _table(made.examined.figures)
    error = _figure(made.examined.unfitted.get("ece"))
    say(f"calibration error on kits that no temperature was fitted on: {error}")
    say(f"model: {made.out}")
    say(f"card:  {made.card}")


@click.command()
@click.argument("manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="What the manifest's files lie below.",
)
@click.option("--split", help="Only the rows of this split.")
@click.option("--audio-only", is_flag=True, help="By sound alone: names and metadata count for nothing.")
@click.option(
    "--model", type=click.Path(dir_okay=False, path_type=Path), help="Another model than the one in use."
)
@click.option("--threads", default=2, show_default=True, type=click.IntRange(1), help="Cores to use.")
@click.option("--json", "json_", is_flag=True, help="All figures as one JSON object.")
@click.pass_context
def evaluate(
    ctx: click.Context, *, manifest: Path, root: Path | None, split: str | None, audio_only: bool,
    model: Path | None, threads: int, json_: bool,
) -> None:  # fmt: skip
    """Measure the model on labelled sounds.

    MANIFEST is a CSV file with the columns file and label; kit, orig_path (where names are taken from)
    and split are used where they are there. Rows labelled loop count for the kind only.

    \b
    Examples:
      organizer evaluate manifest.csv --root ~/Labelled --split valid --audio-only
      organizer evaluate manifest.csv --root ~/Labelled --json > figures.json
    """
    from organizer.cli.assembly import Assembly
    from organizer.recognition.classifier import Classifier
    from organizer.recognition.recognize import Recognizer
    from organizer.training.dataset import read_manifest
    from organizer.training.evaluate import evaluate as measure

    rows = [
        row for row in read_manifest(manifest, root or manifest.parent) if split is None or row.split == split
    ]
    if not rows:
        raise UsageProblem(f"the manifest has no row of the split {split}", path=manifest)
    classifier = Classifier.load(model or Assembly().model_path(), threads=threads)
    recognizer = Recognizer(classifier, audio_only=audio_only, threads=threads, keep_embedding=False)
    with Progress("evaluate") as progress:
        done = measure(rows, recognizer, advance=lambda number, total: progress("listening", number, total))
    if json_:
        click.echo(as_json({**done.figures, "problems": list(done.problems)}, indent=2))
    else:
        _table(done.figures)
    _report_problems(done.problems)
    ctx.exit(1 if done.problems else 0)


def _rows(sounds: Path, root: Path | None) -> tuple[Row, ...]:
    """Read a manifest, or a folder of folders."""
    from organizer.training.dataset import read_manifest
    from organizer.training.folders import read_library

    if not sounds.is_dir():
        return read_manifest(sounds, root or sounds.parent)
    if root is not None:
        raise UsageProblem("a folder of sounds has no --root", path=sounds, hint="leave --root out")
    library = read_library(sounds)
    _report_problems(
        tuple(
            f"{folder}: its name is no label; sounds left out: {count}"
            for folder, count in sorted(library.unplaced.items())
        )
    )
    return library.rows


class _Told:
    """Shows a training run: a bar on a terminal, a line a pass everywhere."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def loading(self, done: int, total: int) -> None:
        self._progress("reading sounds", done, total)

    def stage(self, name: str) -> None:
        say(f"{name} ...")
        sys.stdout.flush()

    def making(self, done: int, total: int) -> None:
        self._progress("changing sounds", done, total)

    def resumed(self, passes: int) -> None:
        say(f"taken up after pass {passes}" if passes else "no interrupted run there; a new one begins")

    def step(self, number: int, of: int, loss: float) -> None:
        self._progress(f"learning, loss {loss:.3f}", number, of)

    def passed(
        self, number: int, of: int, loss: float, seconds: float, figures: Mapping[str, object] | None
    ) -> None:
        line = f"pass {number} of {of}: loss {loss:.3f}, {duration_text(seconds)}"
        if figures is not None:
            line += (
                f"; valid: drum category {_figure(figures['drum_category_accuracy'])},"
                f" label recall {_figure(figures['label_macro_recall'])},"
                f" kind {_figure(figures['kind_balanced_accuracy'])}"
            )
        say(line)
        sys.stdout.flush()


def _table(figures: Mapping[str, object]) -> None:
    for key in (
        "n", "errors", "drum_category_accuracy", "category_accuracy", "category_macro_recall",
        "label_accuracy", "label_macro_recall", "kind_balanced_accuracy", "ece", "sounds_per_second",
    ):  # fmt: skip
        if key in figures:
            say(f"  {key:<26}{_figure(figures[key]):>8}{_interval(figures, key)}")
    coverage, per_label = figures["accuracy_at_coverage"], figures["per_label"]
    assert isinstance(coverage, dict)
    assert isinstance(per_label, dict)
    for share, accuracy in coverage.items():
        say(f"  {'accuracy at coverage ' + share:<26}{_figure(accuracy):>8}")
    say(f"  {'label':<16}{'n':>6}{'recall':>10}   {'95 % interval':<16}{'precision':>11}")
    for label, one in per_label.items():
        say(
            f"  {label:<16}{one['n']:>6}{_figure(one['recall']):>10}   {_span(one['interval']):<16}"
            f"{_figure(one['precision']):>11}"
        )


def _interval(figures: Mapping[str, object], key: str) -> str:
    intervals = figures.get("intervals")
    span = _span(intervals.get(key) if isinstance(intervals, dict) else None)
    return f"   {span}" if span else ""


def _span(edges: object) -> str:
    if not isinstance(edges, list):
        return ""
    low, high = edges
    return f"({low:.3f} to {high:.3f})"


def _figure(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) < 10.0 else f"{value:.0f}"
    return "-" if value is None else str(value)


def _report_problems(problems: tuple[str, ...]) -> None:
    for problem in problems[:PROBLEMS_SHOWN]:
        warn(problem)
    if len(problems) > PROBLEMS_SHOWN:
        warn(f"and {len(problems) - PROBLEMS_SHOWN} more")
