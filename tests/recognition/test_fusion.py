from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from organizer.labels import LABELS
from organizer.recognition.fusion import Sound, fuse, pool_kinds
from organizer.recognition.trust import Weights
from organizer.sample import Evidence, Facts, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
    (heard,) = fuse([Sound(evidence=evidence, facts=facts(duration=duration, peak=peak))], model_id="m")
    return heard


def packed(*pack: tuple[Evidence, ...], weights: Weights | None = None) -> list[Recognition]:
    return fuse([Sound(evidence=one, facts=facts()) for one in pack], model_id="m", weights=weights)


def trust_of(heard: Recognition, source: str) -> float:
    evidence = heard.evidence_of(source)
    assert evidence is not None
    assert evidence.trust is not None
    return evidence.trust


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
    assert heard.confidence > 0.85
    assert heard.label_confidence is not None
    assert heard.label_confidence < 0.8


def test_metadata_weighs_less_than_a_name() -> None:
    against = says("audio", kick=0.6, tom=0.3)
    name, metadata = fused(against, says("name", tom=0.9)), fused(against, says("metadata", tom=0.9))
    assert name.probabilities["tom"] > metadata.probabilities["tom"] > 0.3


@pytest.mark.parametrize("source", ["audio", "name", "metadata"])
def test_each_kind_of_evidence_is_optional(source: str) -> None:
    heard = fused(says(source, clap=0.995))
    assert heard.label == "clap"
    assert heard.confidence > 3 / len(LABELS)


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


def test_a_strong_contradiction_is_told_in_a_sentence() -> None:
    heard = fused(says("audio", kick=0.9), says("name", snare=0.95), says("metadata", kick=0.9))
    assert heard.doubts == (
        "the ear says kick (90%) and the name snare (95%): one of them is wrong, so it is less sure",
    )
    assert fused(says("audio", kick=0.3, tom=0.3), says("name", snare=0.95)).doubts == ()
    assert fused(says("audio", kick=0.9), says("name", kick=0.95)).doubts == ()
    assert fused(says("audio", snare=0.9), says("name", rim=0.95)).doubts == ()


def test_contradicting_kinds_are_told_too() -> None:
    audio, name = {"oneshot": 0.97, "loop": 0.03}, {"oneshot": 0.05, "loop": 0.95}
    heard = fused(says("audio", audio, kick=0.9), says("name", name))
    assert heard.doubts[0].startswith("the ear says oneshot (97%) and the name loop (95%)")
    assert heard.kind_confidence < 0.92


# Sounds as the ear hears them: mostly sure, sometimes not.
HEARD = [
    says("audio", None, **{label: share})
    for label, share in zip(
        ("kick", "snare", "clap", "hat_closed", "tom", "ride", "shaker", "cowbell", "synth", "vocal") * 3,
        (0.9, 0.8, 0.95, 0.6, 0.7, 0.85) * 5,
        strict=True,
    )
]


def named(places: Sequence[int]) -> list[tuple[Evidence, ...]]:
    """Give every sound the right name of the sound at another place."""
    names = [max((share, label) for label, share in one.labels.items())[1] for one in HEARD]
    return [
        (one, says("name", None, **{names[place]: 0.95})) for one, place in zip(HEARD, places, strict=True)
    ]


def test_a_pack_whose_names_lie_loses_their_weight() -> None:
    alone = packed(*((one,) for one in HEARD))
    lied_to = packed(*named([(place + 1) % len(HEARD) for place in range(len(HEARD))]))
    for one, ear in zip(lied_to, alone, strict=True):
        assert one.category == ear.category
        assert ear.confidence - 0.2 < one.confidence <= ear.confidence
        assert trust_of(one, "name") < 0.2
        assert any("the names of this pack often do not fit what is heard" in said for said in one.doubts)


def test_an_honest_pack_keeps_its_names_and_one_wrong_name_in_it_is_doubted() -> None:
    places = list(range(len(HEARD)))
    honest = packed(*named(places))
    assert all(trust_of(one, "name") > 0.95 for one in honest)
    assert all(one.confidence > 0.95 for one in honest)
    places[0] = 1
    wrong = packed(*named(places))[0]
    assert trust_of(wrong, "name") < min(trust_of(one, "name") for one in honest)
    assert wrong.confidence < 0.9 < min(one.confidence for one in honest)
    assert wrong.doubts == (
        "the ear says kick (90%) and the name snare (95%): one of them is wrong, so it is less sure",
    )


def test_packs_that_say_little_are_judged_by_little() -> None:
    """Two wrong names among few do not silence the others."""
    pack = packed(
        *((says("audio", kick=0.9), says("name", snare=0.95)) for _ in range(2)),
        *((says("audio", tom=0.3, hand_drum=0.3), says("name", tom=0.95)) for _ in range(6)),
    )
    assert all(one.label == "tom" for one in pack[2:])


def test_a_source_that_lies_takes_nothing_from_another() -> None:
    pack = packed(
        *(
            (one, says("name", None, **{label: 0.95}), says("metadata", fx=0.9))
            for one, label in zip(
                HEARD, ("kick", "snare", "clap", "hat_closed", "tom", "ride") * 5, strict=True
            )
        )
    )
    assert trust_of(pack[0], "name") > trust_of(pack[0], "metadata")


def test_a_pack_without_names_is_heard_by_ear_alone() -> None:
    blank = packed(*((one, says("name"), says("metadata")) for one in HEARD))
    alone = packed(*((one,) for one in HEARD))
    assert [one.probabilities for one in blank] == [one.probabilities for one in alone]
    assert blank[0].probabilities == pytest.approx(HEARD[0].labels)


def test_no_sounds_make_no_recognitions() -> None:
    assert packed() == []


def test_the_model_and_the_onsets_share_the_say_over_the_kind() -> None:
    model = {"oneshot": 0.9, "loop": 0.1}
    assert pool_kinds(model, None) == model
    assert pool_kinds(model, 0.5)["loop"] == pytest.approx(0.1)  # onsets that tell nothing change nothing
    assert 0.1 < pool_kinds(model, 0.8)["loop"] < 0.5 < pool_kinds(model, 0.97)["loop"] < 0.97


def test_weights_of_nothing_silence_a_source() -> None:
    evidence = (says("audio", kick=0.7), says("metadata", snare=0.9))
    (silent,) = packed(evidence, weights=Weights(metadata=0.0))
    assert silent.probabilities == pytest.approx(fused(evidence[0]).probabilities)
