"""The members of configs/codecs: each differs from the reference in what its header says, and all have one budget."""

from __future__ import annotations

from pathlib import Path

import pytest

from grid.codecs.controlled.network import SmallCodec, weights_bytes
from grid.codecs.controlled.spec import load_spec, member_names
from grid.config.yaml_file import config_folder
from grid.core.errors import RequestError

REFERENCE = "controlled-mvq-none-time"
ATTRIBUTES = {
    "controlled-mvq-none-time-seed1": {"seed"},
    "controlled-mvq-none-time-3kbps": {"quantiser"},
    "controlled-svq-none-time": {"quantiser"},
    "controlled-scq-none-time": {"quantiser"},
    "controlled-mvq-sem-time": {"auxiliary"},
    "controlled-mvq-disent-time": {"auxiliary"},
    "controlled-mvq-none-freq": {"decoder"},
    "controlled-svq-none-freq": {"quantiser", "decoder"},
    "controlled-scq-none-freq": {"quantiser", "decoder"},
    "controlled-mvq-sem-freq": {"auxiliary", "decoder"},
    "controlled-svq-disent-time": {"quantiser", "auxiliary"},
}


def test_every_member_differs_from_the_reference_in_its_attributes_alone() -> None:
    reference = load_spec(REFERENCE).model_dump(exclude={"name"})
    assert set(member_names()) == {REFERENCE, *ATTRIBUTES}
    for name in ATTRIBUTES:
        own = load_spec(name).model_dump(exclude={"name"})
        assert {field for field in own if own[field] != reference[field]} == ATTRIBUTES[name], name


@pytest.mark.parametrize("name", [REFERENCE, *ATTRIBUTES])
def test_member_has_the_attributes_of_its_name_and_a_small_file(name: str) -> None:
    member = load_spec(name)
    qua, aux, dec = name.removeprefix("controlled-").split("-")[:3]
    assert [part.lower() for part in (member.qua, member.aux, member.dec)] == [qua, aux, dec]
    assert member.bitrate_kbps == (3 if name.endswith("3kbps") else 6)
    assert len(weights_bytes(SmallCodec(member.network), member.network)) < 2_050_000
    header = (config_folder() / "codecs" / f"{name}.yaml").read_text().splitlines()[0]
    assert header.startswith("# The reference" if name == REFERENCE else "# Differs from the reference in ")


def test_unknown_member_names_the_nearest() -> None:
    with pytest.raises(RequestError, match="did you mean 'controlled-svq-none-time'"):
        load_spec("controlled-svq-none-tme")


def test_unknown_training_names_file_line_and_choices(tmp_path: Path) -> None:
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / "short.yaml").write_text("steps: 1\nbatch: 1\nframes: 10\nlearning_rate: 0.1\n")
    text = "quantiser: {kind: residual, tokens: 1}\ndecoder: {kind: time}\ntraining: shrt\n"
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(RequestError, match=r"mine\.yaml:3: unknown training 'shrt'; did you mean 'short'"):
        load_spec("mine", tmp_path)
