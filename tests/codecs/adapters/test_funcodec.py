"""FunCodec's adapter: arguments and files; the real classes with random weights where their environment is built."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from grid.codecs.adapters.funcodec import FunCodecAdapter
from grid.codecs.catalogue import identity, load_catalogue
from grid.codecs.entry import CatalogueEntry
from grid.codecs.isolation.adapter import IsolatedAdapter
from grid.codecs.isolation.declaration import declaration
from grid.core.errors import RequestError
from grid.core.weights import WeightFinder
from tests.support import built_environments
from tests.support import torch_codec_checks as checks
from tests.support.adapter_contract import AdapterCase, Make
from tests.support.places import REPOSITORY

REPO = "alibaba-damo/audio_codec-test"
WEIGHTS = [{"path": f"{REPO}/{name}", "source": f"hub:{REPO}"} for name in ("config.yaml", "model.pth")]
FAMILY = "FunCodec"
HOP = 320
ENCODEC, FREQCODEC = "encodec", "freqcodec"


def entry(**facts: Any) -> CatalogueEntry:
    arguments = {"codebooks": 32, "use_scale": True}
    return checks.make_entry("funcodec", 16_000, **{"arguments": arguments, "weights": WEIGHTS, "hop": HOP, **facts})


def family() -> list[CatalogueEntry]:
    return [found for found in load_catalogue() if found.family == FAMILY]


def test_funcodec_catalogue_has_six_with_all_their_codebooks() -> None:
    assert len(family()) == 6
    for found in family():
        assert found.arguments == {"codebooks": found.codebooks, "use_scale": True}
        assert found.bitrate_kbps == pytest.approx(10 * (found.codebooks or 0) * 16 / (found.hop or 1))


def test_funcodec_identity_holds_arguments_and_environment() -> None:
    fields = identity(family()[0])
    assert fields["arguments"] == {"codebooks": 32, "use_scale": True}
    assert fields["environment"] == declaration("funcodec").digest


def test_funcodec_config_that_is_no_mapping_is_an_error(tmp_path: Path) -> None:
    folder = tmp_path / REPO
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text("- a list\n", encoding="utf-8")
    (folder / "model.pth").touch()
    with pytest.raises(RequestError, match="does not describe a FunCodec model"):
        FunCodecAdapter(entry(), weights=WeightFinder([tmp_path], offline=True)).load()


def make_small_models(folder: Path) -> Path:
    """Both models of `tests/support/upstream/funcodec_small.py` in `folder`, made under their environment's Python."""
    made = built_environments.built("funcodec")
    built_environments.run_script(made, REPOSITORY / "tests" / "support" / "upstream" / "funcodec_small.py", folder)
    return folder


@pytest.fixture(scope="module")
def small_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_small_models(tmp_path_factory.mktemp("funcodec"))


def isolated(small_models: Path, model: str, **facts: Any) -> IsolatedAdapter:
    weights = [{"path": f"{model}/{name}"} for name in ("config.yaml", "model.pth")]
    finder = WeightFinder([small_models], offline=True)
    return IsolatedAdapter(entry(weights=weights, **facts), declaration("funcodec"), weights=finder)


def small(model: str) -> Callable[[Path], AbstractContextManager[Make]]:
    @contextmanager
    def of_model(folder: Path) -> Iterator[Make]:
        make_small_models(folder)
        opened: list[IsolatedAdapter] = []

        def make(entry: CatalogueEntry) -> IsolatedAdapter:
            facts = {name: getattr(entry, name) for name in ("arguments", "native_rate", "hop", "codebooks")}
            opened.append(isolated(folder, model, **facts, codebook_size=entry.codebook_size))
            return opened[-1]

        yield make
        for adapter in opened:
            adapter.close()

    return of_model


CONTRACT = [
    AdapterCase(
        entry(codebooks=32, codebook_size=64),
        small(model),
        kind=model,
        facts=("native_rate", "hop", "codebooks", "codebook_size"),
        misfits=[({"arguments": {"codebooks": 33, "use_scale": True}}, "33 codebooks requested, the model has 32")],
        wrong_arguments=[
            ({"codebooks": 32, "use_scale": True, "bit_width": 16_000}, "Arguments: codebooks, use_scale")
        ],
    )
    for model in (ENCODEC, FREQCODEC)
]


@pytest.fixture(scope="module", params=[ENCODEC, FREQCODEC])
def adapter(request: pytest.FixtureRequest, small_models: Path) -> Iterator[IsolatedAdapter]:
    """All codebooks; one process for all tests of a model, because starting it takes several seconds."""
    started = isolated(small_models, request.param)
    yield started
    started.close()


def expected(small_models: Path, model: str) -> dict[str, NDArray[np.float32]]:
    with np.load(small_models / model / "expected.npz") as file:
        return dict(file)


def model_of(adapter: IsolatedAdapter) -> str:
    return Path(adapter.entry.weights[0].path).parts[0]


def test_funcodec_gives_what_upstreams_own_class_gives(small_models: Path, adapter: IsolatedAdapter) -> None:
    """All codebooks are the default of upstream's Speech2Token."""
    known = expected(small_models, model_of(adapter))
    assert checks.difference(known["None"], adapter.code(known["waveforms"], [0, 0])) < 1e-5


def test_funcodec_fewer_codebooks_are_upstreams_bit_width(small_models: Path) -> None:
    """8 codebooks of 6 bits at 50 Hz are a `bit_width` of 2400."""
    known = expected(small_models, ENCODEC)
    adapter = isolated(small_models, ENCODEC, arguments={"codebooks": 8, "use_scale": True})
    output = adapter.code(known["waveforms"], [0, 0])
    adapter.close()
    assert checks.difference(known["2400"], output) < 1e-5
    assert checks.difference(known["None"], output) > 1e-3


def test_funcodec_output_sample_is_centred_on_its_input_sample(small_models: Path, adapter: IsolatedAdapter) -> None:
    assert abs(int(expected(small_models, model_of(adapter))["centre"])) <= HOP


def test_funcodec_keeps_the_last_samples(adapter: IsolatedAdapter) -> None:
    """Upstream's frequency model alone returns 480 of 512 samples: whole hops of 160."""
    assert adapter.code(checks.noise(1, 512), [0]).shape[1] >= 512
