from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from organizer.errors import ConfigError
from organizer.labels import CATEGORY_OF
from organizer.recognition.names import hear_name, labels_in
from organizer.recognition.vocabulary import Vocabulary, tokens
from organizer.sample import Evidence, Origin

VOCABULARY = Vocabulary.load()


def hear(path: str) -> Evidence:
    """Hear a path as if it lay in an inbox: its first folder, if any, is the pack."""
    parts = PurePosixPath(path).parts
    pack = parts[0] if len(parts) > 1 else None
    origin = Origin(inbox="in", pack=pack, subpath=PurePosixPath(*parts[1:-1]), name=parts[-1])
    return hear_name(origin, VOCABULARY)


def top(path: str) -> str | None:
    labels = hear(path).labels
    return max(labels, key=lambda one: labels[one]) if labels else None


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("VEH1 Bassdrum 001.wav", "kick"),
        ("BD_04.aiff", "kick"),
        ("BassDrum2.wav", "kick"),
        ("bass drum.wav", "kick"),
        ("Kick-808_Long.wav", "kick"),
        ("bskick/popkick 3.wav", "kick"),
        ("SD 12.wav", "snare"),
        ("SNR03.wav", "snare"),
        ("Snaredrum-03.wav", "snare"),
        ("snareroll.wav", "snare"),
        ("Rim Shot.aiff", "rim"),
        ("RIMSHOT_03.wav", "rim"),
        ("sidestick-alt1.wav", "rim"),
        ("Snare Rim 2.wav", "rim"),
        ("HandClap-Softest.wav", "clap"),
        ("Clp_9.wav", "clap"),
        ("Fingersnap-Soft.wav", "snap"),
        ("CHH_1.flac", "hat_closed"),
        ("HHC 2.wav", "hat_closed"),
        ("HiHatClosed-4.wav", "hat_closed"),
        ("SM-8_CLOSED_HI-HAT_02.wav", "hat_closed"),
        ("DM5Hat_C03.wav", "hat_closed"),
        ("closed hihat.wav", "hat_closed"),
        ("DM5Hat_O08.wav", "hat_open"),
        ("HiHatSemiopen-2.wav", "hat_open"),
        ("Open Hat 1.wav", "hat_open"),
        ("78OHH.wav", "hat_open"),
        ("OH.wav", "hat_open"),
        ("TomLo.wav", "tom"),
        ("Floor Tom 16.wav", "tom"),
        ("Crash18-3.wav", "crash"),
        ("RideBow-0.wav", "ride"),
        ("SplashCym.wav", "cymbal"),
        ("Open Hi Conga.wav", "hand_drum"),
        ("Djembe4 Bass.wav", "hand_drum"),
        ("Cow Bell.wav", "cowbell"),
        ("AgogoHigh-1.wav", "cowbell"),
        ("bell_light_2.mp3", "bell"),
        ("Clave-Hard.wav", "block"),
        ("wood_block.wav", "block"),
        ("Maracas.wav", "shaker"),
        ("DT_Tamborine.ogg", "tambourine"),
        ("Guiro Long.wav", "perc"),
        ("09_perc.wav", "perc"),
        ("Prc 4.wav", "perc"),
        ("Sub Bass C.wav", "bass"),
        ("synth_stab_soft_1.wav", "synth"),
        ("GermanPiano.wav", "synth"),
        ("femalevoice_aa_A5.mp3", "vocal"),
        ("Big Riser 8 bars.wav", "fx"),
    ],
)  # fmt: skip
def test_words_and_abbreviations_are_known(name: str, label: str) -> None:
    assert top(name) == label


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("ride bell.wav", "ride"),
        ("ride-bell6.wav", "ride"),
        ("CrashRide18Bell-3.wav", "ride"),
        ("crash cymbal.wav", "crash"),
        ("bass drum 3.wav", "kick"),
        ("Bass Kick.wav", "kick"),
        ("snappy snare.wav", "snare"),
        ("Snappy Snares/01.wav", "snare"),
        ("snap 1.wav", "snap"),
        ("Snare FX.wav", "snare"),
        ("FX/Metal Snare.wav", "snare"),
        ("Drum & Bass Tools/Kick 4.wav", "kick"),
        ("wood hit snare.wav", "snare"),
    ],
)
def test_the_nearest_and_most_telling_word_wins(name: str, label: str) -> None:
    assert top(name) == label


@pytest.mark.parametrize(
    "name",
    [
        "808.wav", "909 01.wav", "TR808/01.wav", "Rimini Nights.wav", "custom 3.wav",
        "Eric Clapton.wav", "bridesmaid.wav", "Override.wav", "stomach.wav", "Pride.wav",
        "hatch.wav", "Shape 1.wav", "basket.wav", "kickstart.wav", "Padre.wav", "01.wav",
        "untitled 7.wav", "Drum 4.wav", "🥁.wav", "Drum & Bass/03.wav", "Cabaret.wav",
        "operator.wav", "leader.wav", "keyhole.wav", "Big Daddy Kane 1.wav", "Bassano 1.wav", "Tommy 4.wav",
        "Ringside.wav", "Crashdown.wav", "Snapper.wav", "Percy.wav", "TR-909/03.wav", "808s/04.wav",
        "Roland 808.wav",
        "Trommel 3.wav", "Voicemail.wav", "Clapham Nights/01.wav",
    ],
)  # fmt: skip
def test_parts_of_words_machines_and_genres_are_no_labels(name: str) -> None:
    assert top(name) is None


@pytest.mark.parametrize(
    ("name", "label"),
    [
        # German
        ("große Trommel 1.wav", "kick"), ("Grosse_Trommel.wav", "kick"), ("Basstrommel.wav", "kick"),
        ("kleine Trommel 02.wav", "snare"), ("Kleine_Trommel_Randschlag.wav", "rim"),
        ("Händeklatschen.wav", "clap"), ("Haendeklatschen 3.wav", "clap"), ("Fingerschnipsen.wav", "snap"),
        ("HiHat geschlossen.wav", "hat_closed"), ("Hihat_offen_1.wav", "hat_open"),
        ("Becken 18.wav", "cymbal"),
        ("Standtom.wav", "tom"), ("Kuhglocke.wav", "cowbell"), ("Glocken/01.wav", "bell"),
        ("Schellenkranz.wav", "tambourine"), ("Rassel.wav", "shaker"), ("Holzblock tief.wav", "block"),
        ("Klanghölzer.wav", "block"), ("Klangholz.wav", "block"), ("Handtrommel.wav", "hand_drum"),
        ("Stimme weiblich.wav", "vocal"), ("Gesang.wav", "vocal"), ("Klavier C.wav", "synth"),
        ("Streicher.wav", "synth"), ("Geräusch.wav", "fx"),
        # Spanish
        ("Bombo_01.wav", "kick"), ("Bombos/01.wav", "kick"), ("Caja seca.wav", "snare"),
        ("Redoblante.wav", "snare"),
        ("Tarola.wav", "snare"), ("Golpe de aro.wav", "rim"), ("Palmas.wav", "clap"),
        ("Chasquido.wav", "snap"),
        ("charles cerrado.wav", "hat_closed"), ("Contratiempo abierto.wav", "hat_open"),
        ("Platillos/01.wav", "cymbal"),
        ("Tom bajo.wav", "tom"), ("Cencerro.wav", "cowbell"), ("Campanas/3.wav", "bell"),
        ("Pandereta.wav", "tambourine"),
        ("Bajo eléctrico.wav", "bass"), ("Voces/coro 1.wav", "vocal"), ("Guitarra.wav", "synth"),
        ("Ruido.wav", "fx"),
        ("Caja clara.wav", "snare"), ("Caja china.wav", "block"),
        # French
        ("Grosse caisse.wav", "kick"), ("GrosseCaisse_3.wav", "kick"), ("caisse_claire.wav", "snare"),
        ("Claquement de mains.wav", "clap"), ("Claquement de doigts.wav", "snap"),
        ("Charleston fermé.wav", "hat_closed"),
        ("charley ouvert.wav", "hat_open"), ("Cymbale.wav", "cymbal"), ("Tom basse.wav", "tom"),
        ("Cloche à vache.wav", "cowbell"), ("Cloche 2.wav", "bell"), ("Tambour de basque.wav", "tambourine"),
        ("Grelots.wav", "bell"), ("Basse slap.wav", "bass"), ("Voix femme.wav", "vocal"),
        ("Guitare.wav", "synth"),
        ("Bruitage.wav", "fx"),
        # Portuguese
        ("Bumbo 1.wav", "kick"), ("Caixa.wav", "snare"), ("Estalo.wav", "snap"),
        ("Prato de ataque.wav", "crash"),
        ("Prato de condução.wav", "ride"), ("Chimbal fechado.wav", "hat_closed"),
        ("chimbau aberto.wav", "hat_open"),
        ("Chocalho.wav", "shaker"), ("Atabaque.wav", "hand_drum"), ("Sino.wav", "bell"),
        ("Baixo.wav", "bass"),
        ("Violão.wav", "synth"), ("Palma.wav", "clap"),
        # Japanese, romanised
        ("kikku 01.wav", "kick"), ("basudoramu.wav", "kick"), ("Sunea.wav", "snare"), ("tamu_3.wav", "tom"),
        ("haihatto.wav", "hat_closed"), ("kurozu haihatto.wav", "hat_closed"),
        ("opun haihatto.wav", "hat_open"),
        ("shinbaru.wav", "cymbal"), ("kurasshu.wav", "crash"), ("raido.wav", "ride"), ("Kurappu.wav", "clap"),
        ("rimushotto.wav", "rim"), ("taiko/01.wav", "hand_drum"), ("Tsuzumi.wav", "hand_drum"),
        ("shime-daiko.wav", "hand_drum"),
        ("hyoshigi.wav", "block"), ("mokugyo.wav", "block"), ("suzu.wav", "bell"), ("koe.wav", "vocal"),
        ("shinse.wav", "synth"), ("koukaon.wav", "fx"),
    ],
)  # fmt: skip
def test_drums_are_known_in_five_more_languages(name: str, label: str) -> None:
    assert top(name) == label


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("ride.wav", "ride"), ("crash.wav", "crash"), ("ride bell.wav", "ride"),
        ("bell of the ride.wav", "ride"),
        ("bass drum.wav", "kick"), ("bass.wav", "bass"), ("djembe bass.wav", "hand_drum"),
        ("Bass/djembe 1.wav", "hand_drum"),
        ("hat.wav", "hat_closed"), ("snappy snare.wav", "snare"), ("snap.wav", "snap"), ("perc.wav", "perc"),
        ("808 kick.wav", "kick"), ("808 bass.wav", "bass"), ("808 C#.wav", "bass"),
        ("SPINZ 808 (F).wav", "bass"),
        ("TR-808 Snare.wav", "snare"), ("808/Clap 3.wav", "clap"), ("808 Kick (C).wav", "kick"),
        ("909 hat closed.wav", "hat_closed"), ("909/Rim 2.wav", "rim"), ("Snare fx.wav", "snare"),
        ("kick_fx_02.wav", "kick"),
        ("Vocal FX.wav", "vocal"), ("FX 3.wav", "fx"), ("FX/Clap 3.wav", "clap"),
        ("Eric Clapton/Snare.wav", "snare"), ("Rimini/Kick.wav", "kick"), ("Custom Toms/01.wav", "tom"),
        ("Crash Bandicoot Kit/Kick.wav", "kick"), ("Tom Jones/Ride.wav", "ride"),
        ("Hatsune Clap.wav", "clap"),
        ("Bass Kit Vol 2/Hats/07.wav", "hat_closed"), ("CLP_Kit01_03.wav", "clap"),
        ("KSHMR_Tamb_01.wav", "tambourine"),
        ("Cymatics - Lofi Cga 3.wav", "hand_drum"), ("MPC60 HHC 01.wav", "hat_closed"),
        ("KB6_DR110_CH.wav", "hat_closed"),
    ],
)  # fmt: skip
def test_traps(name: str, label: str) -> None:
    assert top(name) == label


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("Pack/Bucles/01.wav", "loop"), ("Pack/Boucles/01.wav", "loop"), ("Schleife 3.wav", "loop"),
        ("Pack/Schleifen/3.wav", "loop"), ("rupu 3.wav", "loop"), ("Pack/Single Hits/3.wav", "oneshot"),
    ],
)  # fmt: skip
def test_kinds_are_known_in_other_languages(path: str, kind: str) -> None:
    assert hear(path).kinds[kind] > 0.6


def test_a_hat_without_more_is_split_between_closed_and_open() -> None:
    labels = hear("Hat 3.wav").labels
    assert labels["hat_closed"] > labels["hat_open"] > 0.2
    assert labels["hat_closed"] + labels["hat_open"] > 0.85


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("Pack/Hats/Closed/01.wav", "hat_closed"),
        ("Pack/Hats/Open/01.wav", "hat_open"),
        ("Pack/Closed Hats/hh 3.wav", "hat_closed"),
        ("Pack/Open Hats/hat 3.wav", "hat_open"),
        ("Pack/Kicks/01.wav", "kick"),
        ("Kicks and more/Snares/01.wav", "snare"),
        ("Snare Pack/Kick 1.wav", "kick"),
        ("Pack/Kicks/Snare 1.wav", "snare"),
        ("Pack/Claps/Layers/x.wav", "clap"),
        ("Pack/Perc/conga 2.wav", "hand_drum"),
        ("Pack/Cymbals/Ride 2.wav", "ride"),
    ],
)
def test_nearer_names_outweigh_farther_ones(path: str, label: str) -> None:
    assert top(path) == label


def test_a_contradiction_between_file_and_folder_lowers_the_weight_of_both() -> None:
    alone, against = hear("Snare 1.wav").labels["snare"], hear("Pack/Kicks/Snare 1.wav").labels["snare"]
    assert against < alone


def test_abbreviations_are_doubted_in_a_sentence() -> None:
    short, long = hear("OH 3.wav").labels, hear("say oh what a lovely day.wav").labels
    assert short["hat_open"] > 0.8
    assert long["hat_open"] < 0.65


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("Pack/Loops/tight 3.wav", "loop"),
        ("Drum Loop 4.wav", "loop"),
        ("rimloop.wav", "loop"),
        ("beat_120bpm.wav", "loop"),
        ("VND_Top_128_Full.wav", "loop"),
        ("SM_NP_100_electric_guitar_baby_Dmaj.wav", "loop"),
        ("Pack/One Shots/Kick 1.wav", "oneshot"),
        ("Pack/OneShots/x.wav", "oneshot"),
        ("Pack/Loops/kick one shot.wav", "oneshot"),
    ],
)
def test_kinds_are_read_from_names(path: str, kind: str) -> None:
    assert hear(path).kinds[kind] >= 0.6


@pytest.mark.parametrize(
    "path", ["01.wav", "Loops & One Shots/a.wav", "break one shot.wav", "Pack/Kicks/_100_hard.wav"]
)
def test_no_kind_where_names_name_none_or_both(path: str) -> None:
    assert hear(path).kinds == {}


@pytest.mark.parametrize(
    ("path", "bpm", "key"),
    [
        ("beat_120bpm.wav", 120.0, None),
        ("BPM 90 thing.wav", 90.0, None),
        ("VND_Top_128_Full.wav", 128.0, None),
        ("Kick_100_hard.wav", None, None),
        ("Texture_120.wav", None, None),
        ("110.wav", None, None),
        ("Pack/174 BPM/roller.wav", 174.0, None),
        ("CPA_LOOP1_128_Am.wav", 128.0, "Am"),
        ("breaks165/000_RAW.wav", 165.0, None),
        ("SM_NP_100_electric_guitar_baby_Dmaj.wav", 100.0, "D"),
        ("Cymatics - Kick 12 (C).wav", None, "C"),
        ("Bass F#min.wav", None, "F#m"),
        ("pad_Bb_maj.wav", None, "A#"),
        ("Kick A.wav", None, None),
        ("I Am Here.wav", None, None),
        ("Loop 12.wav", None, None),
        ("Vox C# 2.wav", None, "C#"),
    ],
)
def test_tempo_and_key_are_read_where_plain(path: str, bpm: float | None, key: str | None) -> None:
    heard = hear(path)
    assert (heard.bpm, heard.key) == (bpm, key)


def test_an_instrument_and_no_word_of_a_loop_hint_at_a_one_shot() -> None:
    assert 0.5 < hear("Kick_100_hard.wav").kinds["oneshot"] < 0.9
    assert hear("Pack/Loops/Kick 1.wav").kinds["loop"] > 0.8


def test_the_words_used_are_told() -> None:
    assert hear("Pack/Kicks/VEH1 Bassdrum 001.wav").reasons == (
        "the file name says “bassdrum”",
        "the folder Kicks says “kicks”",
    )


def test_probabilities_sum_to_one_and_keep_a_doubt() -> None:
    labels = hear("Pack/Kicks/Kick 1.wav").labels
    assert sum(labels.values()) == pytest.approx(1.0)
    assert set(labels) == set(CATEGORY_OF)
    assert labels["kick"] < 0.97


def test_names_are_cut_at_case_digits_and_signs() -> None:
    cut = [token.text for token in tokens("HHClosed_BDs-DM5Hat Öffnung01")]
    assert cut == ["hh", "closed", "bds", "dm", "5", "hat", "offnung", "01"]


def test_composed_and_decomposed_letters_are_the_same() -> None:
    assert tokens("Café") == tokens("Cafe\u0301")


def test_free_text_is_weighed_too() -> None:
    assert labels_in("a long snare roll", VOCABULARY)["snare"] > 0.8
    assert labels_in("made in Rimini", VOCABULARY) == {}


def test_words_of_the_user_replace_what_ships() -> None:
    own = Vocabulary.load(
        {
            "labels": {"kick": {"sure": ["Bümm"]}, "perc": {"likely": ["zap"]}},
            "neutral": {"silent": ["Kick Records"]},
        }
    )
    for name, label in (("Buemm 3.wav", "kick"), ("BÜMM.wav", "kick"), ("zap.wav", "perc"), ("clap", "clap")):
        labels = hear_name(Origin(inbox="in", name=name), own).labels
        assert max(labels, key=lambda one: labels[one]) == label
    assert hear_name(Origin(inbox="in", name="kick records 4.wav"), own).labels == {}
    assert hear("zap.wav").labels["fx"] > 0.5
    assert own.digest != VOCABULARY.digest


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"labels": {"kik": {"sure": ["boo"]}}}, "there is no label 'kik'; did you mean 'kick'?"),
        ({"labels": {"kick": {"certain": ["boo"]}}}, "unknown field `certain`"),
        ({"shared": {"boo": {"kick": 0.5, "snar": 0.5}}}, "there is no label 'snar'; did you mean 'snare'?"),
        (
            {"shared": {"boo": {"kick": -1.0}}},
            "shared, 'boo': expected one or more numbers above 0",
        ),
        ({"kinds": {"lop": {"sure": ["boo"]}}}, "there is no kind 'lop'; did you mean 'loop'?"),
        ({"words": {}}, "unknown field `words`"),
    ],
)
def test_mistakes_in_a_users_words_are_named(own: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Vocabulary.load(own)
    assert message in caught.value.message
