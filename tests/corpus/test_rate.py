"""Predicted MOS are of the files that were imported."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from grid.corpus.audio import ChangedFileError
from grid.corpus.rate import predict_scores
from tests.support.tiny_grid import tiny


def test_a_file_that_changed_after_its_import_is_not_rated(tmp_path: Path) -> None:
    made = tiny(tmp_path)
    made.corpus()
    assert set(predict_scores(made.store, "tiny", lambda samples: 6.0).values()) == {5.0}
    soundfile.write(tmp_path / "corpus" / "dev-s0-u0.wav", np.full(4_800, 0.1), 16_000)
    with pytest.raises(ChangedFileError, match=r"dev-s0-u0\.wav has changed since it was imported"):
        predict_scores(made.store, "tiny", lambda samples: 6.0)
