"""The table and the figure of effects: numbers, a single seed, remarks on intervals and on selected codecs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.image import imread

from grid.analysis.effects.results import EffectRow, Effects, MainEffects
from grid.codecs.pairs import Contrast
from grid.metrics.crossed_resampling import Effect
from grid.metrics.linear_model import Coefficient, LinearModel
from grid.report.contents import effect_parts
from grid.report.figures.effects import draw_effects
from grid.report.figures.style import DOTS_PER_INCH
from grid.report.tables.effects import effects_table
from grid.report.tables.main_effects import main_effects_table
from grid.report.writers.latex import to_latex

PAIRS = (("made-mvq-time", "made-svq-time"), ("made-mvq-freq", "made-svq-freq"))
QUA = Contrast("made", "qua", "Mvq", "Svq", PAIRS)
SEED = Contrast("made", "training_seed", 0, 1, (("made-mvq-time", "made-mvq-time-seed1"),))
TESTED = Effect(-0.0321, -0.05, -0.01, 8)
FEW = Effect(0.01, -0.02, 0.04, 3)
NONE = Effect(float("nan"))
MEMBERS = ("made-mvq-time", "made-svq-time", "made-mvq-freq", "made-svq-freq", "made-mvq-time-seed1")
MAIN = MainEffects(
    "made",
    ("QUA Mvq to Svq", "DEC Time to Freq"),
    MEMBERS,
    (0, 1),
    "outside the family",
    8,
    LinearModel(
        (Coefficient(-0.03, -0.08, 0.02, -2.58, 0.123, 0.246), Coefficient(0.1, 0.09, 0.11, 43.0, 5e-4, 1e-3)), 0.01, 2
    ),
    troubles=("made-svq-freq, seed 2: failed",),
)
SMALL = MainEffects("small", ("AUX None to Sem",), ("s", "t"), (0, 1, 2), "all others", 4, None, "2 codecs are too few")


def effects(*, seeds: tuple[int, ...] = (0, 1, 2), speakers: int = 8) -> Effects:
    """A contrast of two pairs and the noise floor."""
    rows = (
        EffectRow(QUA, PAIRS, True, seeds, (TESTED, FEW, NONE, TESTED, NONE), ("made-svq-freq, seed 2: failed",)),
        *(EffectRow(QUA, (pair,), False, seeds, (FEW, FEW, NONE, FEW, NONE)) for pair in PAIRS),
        EffectRow(SEED, SEED.pairs, True, seeds, (TESTED,) * 4 + (NONE,)),
    )
    return Effects("CoRS-spoof", "spoof", "lcnn", 0.95, 1000, seeds, speakers, rows)


def notes(made: Effects) -> str:
    return " ".join(note.text for note in effects_table(made).notes)


def test_table_shows_difference_interval_and_number_of_tested_codecs() -> None:
    table = effects_table(effects())
    shown = [[cell.full for cell in row] for row in table.rows]
    few, tested = "+1.00 [-2.00, +4.00]", "-3.21 [-5.00, -1.00] n = 8"
    assert shown == [
        ["QUA Mvq to Svq", "mean of 2 pairs", "3", tested, f"{few} n = 3", "none", tested, "none"],
        ["QUA Mvq to Svq", "mvq-time to svq-time", "3", few, few, "none", few, "none"],
        ["QUA Mvq to Svq", "mvq-freq to svq-freq", "3", few, few, "none", few, "none"],
        [
            "training seed 0 to 1",
            "mvq-time to mvq-time-seed1",
            "3",
            *[tested] * 4,
            "none",
        ],
    ]
    assert table.rows[1][1].values == PAIRS[0]
    marks = {note.mark: note.text for note in table.notes}
    assert marks[table.rows[0][2].mark] == "without made-svq-freq, seed 2: failed"
    assert not any(part.endswith("p") for column in table.columns for part in column.parts)
    assert to_latex(table).startswith("\\begin{table*}")


def test_caption_says_what_the_interval_is_over() -> None:
    assert "over seeds (3) and test speakers (8)" in effects_table(effects()).caption
    assert "over the 8 test speakers alone" in effects_table(effects(seeds=(0,))).caption
    assert "over the 3 seeds alone" in effects_table(effects(speakers=0)).caption


def test_notes_say_how_far_the_numbers_carry() -> None:
    for seeds in (1, 3, 6):
        assert notes(effects(seeds=tuple(range(seeds)))).startswith("There is no p-value of an exchange")
    assert "The noise floor (outside the family): training seed 0 to 1 -3.21 points" in notes(effects())


def test_the_noise_floor_is_that_of_the_families_with_attributes() -> None:
    made = effects()
    rate = Contrast("other", "bitrate_kbps", 3, 6, (("other-3kbps", "other-6kbps"),))
    both = replace(made, rows=(*made.rows, replace(made.rows[-1], contrast=rate)))
    assert "The noise floor (outside the family): training seed 0 to 1 -3.21 points." in notes(both)
    alone = replace(made, rows=(replace(made.rows[-1], contrast=rate),))
    assert "The noise floor (outside the family): bit rate 3 to 6 kbit/s -3.21 points." in notes(alone)


def test_others_with_whom_detectors_are_worse_than_chance_are_named() -> None:
    assert "above 50 %" not in notes(effects())
    assert "`better than chance`" not in notes(effects())  # the column is empty
    made = effects()
    chosen = replace(made, rows=(replace(made.rows[0], effects=(TESTED,) * 5),))
    assert "The column `better than chance` selects on the outcome" in notes(chosen)
    told = notes(replace(effects(), worse_than_chance={"made": ("mp3", "gsm"), "other": ("opus",)}))
    assert "selects on the outcome" in told
    assert "the mean EER of made is above 50 % (tested on mp3, gsm)" in told
    assert "opus" not in told
    main = replace(MAIN, basis="better than chance", left_out=("mp3",))
    table = main_effects_table(replace(effects(), main=(main,)))
    assert "Left out, for the mean EER with them is above 50 %: mp3. This selects on the outcome" in table.notes[0].text


def test_the_figure_leaves_families_without_an_attribute_to_the_table(tmp_path: Path) -> None:
    made = effects()
    rate = Contrast("other", "bitrate_kbps", 3, 6, (("other-3kbps", "other-6kbps"),))
    both = replace(made, rows=(replace(made.rows[-1], contrast=rate), *made.rows))
    assert (
        draw_effects(both, tmp_path / "both.png").read_bytes() == draw_effects(made, tmp_path / "one.png").read_bytes()
    )
    assert "other: bit rate 3 to 6 kbit/s" in effects_table(both).rows[0][0].full


def test_the_side_of_the_test_has_files_and_words_of_its_own() -> None:
    made = replace(effects(), side="test", main=(MAIN,))
    figure, table, main = effect_parts(made)
    assert [part.name for part in (figure, table, main)] == [
        "effects-test-cors-spoof-spoof-lcnn",
        "effects-test-cors-spoof-spoof-lcnn",
        "main-effects-test-cors-spoof-spoof-lcnn",
    ]
    assert figure.title == "Effect of one attribute of the tested codec: CoRS-spoof, lcnn, policy spoof"
    assert "EER on the second codec minus EER on the first" in table.caption
    assert {column.group for column in table.columns[3:]} == {"trained with"}
    assert "select on the outcome" in figure.caption
    assert "The unit is the tested codec" in main.caption
    assert "detectors trained with 8 codecs outside the family" in " ".join(note.text for note in main.notes)


def test_figure_is_one_column_wide_and_the_same_again(tmp_path: Path) -> None:
    first, again = (draw_effects(effects(), tmp_path / name).read_bytes() for name in ("a.png", "b.png"))
    assert first == again
    assert 3.2 < imread(tmp_path / "a.png").shape[1] / DOTS_PER_INCH < 3.6


def test_main_effects_have_a_row_per_term_with_t_and_degrees_of_freedom() -> None:
    table = main_effects_table(replace(effects(), main=(MAIN,)))
    assert table.name == "main-effects-training-cors-spoof-spoof-lcnn"
    assert [[cell.full for cell in row] for row in table.rows] == [
        ["QUA Mvq to Svq", "-3.00 [-8.00, +2.00]", "-2.58", "2", "0.123", "0.246", "5", "2"],
        ["DEC Time to Freq", "+10.00 [+9.00, +11.00]", "43.00", "2", "< 0.001", "0.001", "5", "2"],
    ]
    told = [note.text for note in table.notes]
    assert "made: mean EER on 8 tested codecs outside the family." in told[0]
    assert "a standard deviation of 1.00 points (df = 2)" in told[0]
    assert told[-1] == "without made-svq-freq, seed 2: failed"
    assert "other codecs of the family trained like these" in table.caption
    assert to_latex(table).startswith("\\begin{table")


def test_a_family_without_a_model_says_why() -> None:
    table = main_effects_table(replace(effects(), main=(MAIN, SMALL)))
    assert [cell.full for cell in table.rows[-1]] == ["small: AUX None to Sem", "none", "", "", "", "", "2", "3"]
    marks = {note.mark: note.text for note in table.notes}
    assert marks[table.rows[-1][1].mark] == "no model: 2 codecs are too few"
    assert any("no tested codec is outside the family; mean EER on all 4 but" in note.text for note in table.notes)


def test_the_table_of_main_effects_follows_that_of_effects() -> None:
    assert [part.name for part in effect_parts(effects())] == ["effects-training-cors-spoof-spoof-lcnn"] * 2
    figure, *tables = effect_parts(replace(effects(), main=(MAIN,)))
    assert "Diamond" in figure.caption
    assert [table.name for table in tables] == [
        "effects-training-cors-spoof-spoof-lcnn",
        "main-effects-training-cors-spoof-spoof-lcnn",
    ]


def test_main_effects_are_a_mark_beside_the_contrast_of_their_exchange(tmp_path: Path) -> None:
    made = replace(effects(), main=(SMALL, MAIN))
    found = made.main_effect(QUA)
    assert found is not None
    assert found.estimate == pytest.approx(-0.03)
    assert made.main_effect(SEED) is None
    assert made.main_effect(replace(QUA, after="Scq")) is None
    plain, marked = (draw_effects(each, tmp_path / "figure.png").read_bytes() for each in (effects(), made))
    assert plain != marked
