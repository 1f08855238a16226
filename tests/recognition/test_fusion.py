from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from organizer.labels import LABELS
from organizer.recognition.fusion import Weights, disagreement, fuse, pool_kinds
from organizer.sample import Evidence, Facts, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from organizer.sample import Recognition


def spread(**shares: float) -> dict[str, float]:
    rest = (1 - sum(shares.values())) / len(LABELS)
    return {label: shares.get(label, 0.0) + rest for label in LABELS}


def says(source: str, kinds: Mapping[str, float] | None = None, **shares: float) -> Evidence:
    return Evidence(source=source, labels=spread(**shares) if shares else {}, kinds=kinds or {})


def facts(*, duration: float = 0.5, peak: float | None = -1.0) -> Facts:
    return Facts(
        format="wav", samplerate=44_100, channels=1, bits=16, duration=duration, peak=peak,
        content_hash="b2:0", sound_id="pcm:0",
    )  # fmt: skip


def fused(*evidence: Evidence, duration: float = 0.5, peak: float | None = -1.0) -> Recognition:
    return fuse(evidence, facts(duration=duration, peak=peak), model_id="m")


def test_evidence_that_agrees_adds_up() -> None:
    alone = fused(says("audio", kick=0.7))
    both = fused(says("audio", kick=0.7), says("name", kick=0.9))
    assert (both.label, both.category) == ("kick", "kick")
    assert both.confidence > alone.confidence > 0.7


def test_a_name_decides_between_what_the_ear_leaves_open() -> None:
    heard = fused(says("audio", hat_closed=0.35, hat_open=0.3, shaker=0.3), says("name", hat_open=0.9))
    assert heard.label == "hat_open"
    assert heard.confidence > 0.9


def test_strong_contradiction_lowers_confidence() -> None:
    heard = fused(says("audio", kick=0.95), says("name", snare=0.95))
    assert heard.confidence < 0.7
    assert heard.margin is not None
    assert heard.margin < 0.4


def test_a_contradiction_inside_a_category_is_none_of_the_category() -> None:
    heard = fused(says("audio", snare=0.95), says("name", rim=0.95))
    assert heard.category == "snare"
    assert heard.confidence > 0.9
    assert heard.label_confidence is not None
    assert heard.label_confidence < 0.8


def test_metadata_weighs_less_than_a_name() -> None:
    against = says("audio", kick=0.6, tom=0.3)
    name, metadata = fused(against, says("name", tom=0.9)), fused(against, says("metadata", tom=0.9))
    assert name.probabilities["tom"] > metadata.probabilities["tom"] > 0.3


@pytest.mark.parametrize("source", ["audio", "name", "metadata"])
def test_each_kind_of_evidence_is_optional(source: str) -> None:
    heard = fused(says(source, clap=0.9))
    assert heard.label == "clap"
    assert heard.confidence > 0.25


def test_no_opinion_changes_nothing() -> None:
    alone = fused(says("audio", kick=0.7))
    assert fused(says("audio", kick=0.7), says("name"), says("metadata")).probabilities == alone.probabilities


def test_no_evidence_at_all_is_uniform() -> None:
    assert fused().probabilities["kick"] == pytest.approx(1 / len(LABELS))


@pytest.mark.parametrize("audio", [says("audio"), says("audio", kick=0.9)])
def test_where_nothing_is_heard_no_name_is_believed(audio: Evidence) -> None:
    heard = fused(audio, says("name", kick=0.95), peak=None)
    assert heard.confidence < 0.4
    assert heard.kind_confidence == 0.5
    assert fused(says("audio"), says("name", kick=0.95)).confidence < 0.4


def test_a_distribution_sums_to_one_and_excludes_nothing() -> None:
    heard = fused(says("audio", kick=1.0), says("name", snare=1.0))
    assert sum(heard.probabilities.values()) == pytest.approx(1.0)
    assert set(heard.probabilities) == set(LABELS)


@pytest.mark.parametrize(
    ("audio", "name", "kind"),
    [
        ({"oneshot": 0.9, "loop": 0.1}, {}, Kind.ONESHOT),
        ({"oneshot": 0.2, "loop": 0.8}, {}, Kind.LOOP),
        ({"oneshot": 0.55, "loop": 0.45}, {"oneshot": 0.1, "loop": 0.9}, Kind.LOOP),
        ({"oneshot": 0.97, "loop": 0.03}, {"oneshot": 0.25, "loop": 0.75}, Kind.ONESHOT),
        ({}, {}, Kind.ONESHOT),
    ],
)
def test_the_kind_comes_from_ear_and_name(
    audio: dict[str, float], name: dict[str, float], kind: Kind
) -> None:
    heard = fused(says("audio", audio, kick=0.9), says("name", name))
    assert heard.kind is kind
    assert 0.5 <= heard.kind_confidence <= 1


def test_a_loop_has_no_label_and_is_as_sure_as_its_kind() -> None:
    heard = fused(says("audio", {"oneshot": 0.05, "loop": 0.95}, kick=0.9))
    assert (heard.label, heard.category, heard.margin, heard.label_confidence) == (None, None, None, None)
    assert heard.confidence == heard.kind_confidence > 0.8
    assert heard.probabilities["kick"] > 0.8


@pytest.mark.parametrize(
    ("duration", "kind"), [(29.9, Kind.ONESHOT), (30.0, Kind.LONG), (3_600.0, Kind.LONG)]
)
def test_long_is_a_matter_of_length_alone(duration: float, kind: Kind) -> None:
    heard = fused(says("audio", {"oneshot": 0.9, "loop": 0.1}, kick=0.9), duration=duration)
    assert heard.kind is kind
    assert (heard.label is None) == (kind is Kind.LONG)


def test_disagreement_runs_from_none_to_all() -> None:
    assert disagreement([says("audio", kick=0.9), says("name", kick=0.9)]) == pytest.approx(0.0)
    assert disagreement([says("audio", kick=1.0), says("name", snare=1.0)]) == pytest.approx(1.0)
    assert disagreement([says("audio", kick=1.0)]) == 0.0


def test_the_model_and_the_onsets_share_the_say_over_the_kind() -> None:
    model = {"oneshot": 0.9, "loop": 0.1}
    assert pool_kinds(model, None) == model
    assert pool_kinds(model, 0.5)["loop"] == pytest.approx(0.1)  # onsets that tell nothing change nothing
    assert 0.1 < pool_kinds(model, 0.8)["loop"] < 0.5 < pool_kinds(model, 0.97)["loop"] < 0.97


def test_weights_of_nothing_silence_a_source() -> None:
    evidence = (says("audio", kick=0.7), says("metadata", snare=0.9))
    silent = fuse(evidence, facts(), model_id="m", weights=Weights(metadata=0.0))
    assert silent.probabilities == pytest.approx(fused(evidence[0]).probabilities)
