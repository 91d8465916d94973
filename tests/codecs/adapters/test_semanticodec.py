"""SemantiCodec's adapter: what is kept of an utterance, its files, and the real class with random weights beside it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from grid.codecs.adapters.semanticodec import SemantiCodecAdapter, SemantiCodecArguments, assembled, token_count
from grid.codecs.catalogue import load_catalogue
from grid.core.errors import RequestError
from grid.core.weights import WeightFinder
from tests.support import torch_codec_checks as checks
from tests.support.adapter_contract import AdapterCase, Make
from tests.support.checkouts import imported

COMMIT = "7c05d426d2971505014b96fc151522f78ff2a265"
ARGUMENTS: dict[str, Any] = {"token_rate": 100, "semantic_vocabulary": 32768, "diffusion_steps": 2, "guidance": 2.0}
WEIGHTS = [
    {"path": f"haoheliu/SemantiCodec/{name}", "source": "hub:haoheliu/SemantiCodec"}
    for name in ("rate/encoder.ckpt", "rate/decoder.ckpt", "codebook_16384_0.npy")
]


def entry(**changes: Any) -> Any:
    return checks.make_entry("semanticodec", 16_000, arguments={**ARGUMENTS, **changes}, weights=WEIGHTS)


@pytest.mark.parametrize(
    ("samples", "token_rate", "expected"),
    # the first two were seen in upstream's own `encode`; a whole number of patches of 0.16 s gains another
    [(52_800, 100, 168), (163_840, 50, 260), (1, 100, 8), (2_560, 100, 16), (2_561, 100, 16), (2_561, 25, 4)],
)
def test_semanticodec_keeps_as_many_tokens_as_upstream(samples: int, token_rate: int, expected: int) -> None:
    assert token_count(samples, token_rate) == expected


@pytest.mark.parametrize("name", ["semanticodec-1.4kbps", "semanticodec-0.7kbps", "semanticodec-0.35kbps"])
def test_semanticodec_entries_agree_with_themselves(name: str) -> None:
    """15 bits of the semantic codebook and 13 of the acoustic one, at half the token rate, are the bitrate."""
    found = load_catalogue().get(name)
    arguments = SemantiCodecAdapter(found).arguments
    assert found.frame_rate == arguments.token_rate / 2
    assert found.bitrate_kbps == pytest.approx((np.log2(arguments.semantic_vocabulary) + 13) * found.frame_rate / 1000)
    assert found.stochastic
    assert f"_tokenrate_{arguments.token_rate}/" in found.weights[0].path


@contextmanager
def small(folder: Path) -> Iterator[Make]:
    """The real encoder with one LSTM layer, and the real decoder with a narrow U-Net; half a minute to make."""
    for package in ("torchaudio", "timm", "vector_quantize_pytorch"):
        pytest.importorskip(package, reason=f"SemantiCodec needs {package}; see grid/codecs/environments")
    with imported("haoheliu/SemantiCodec-inference", COMMIT, "semanticodec"):
        from semanticodec.config import get_config
        from semanticodec.modules.decoder.latent_diffusion.util import instantiate_from_config
        from semanticodec.modules.encoder.encoder import AudioMAEConditionQuantResEncoder

        torch.set_num_threads(1)
        torch.manual_seed(0)
        centroids = folder / "codebook.npy"
        np.save(centroids, np.random.default_rng(0).standard_normal((64, 768)).astype(np.float32))
        config: Any = get_config(100, 32768)[0]
        config["model"]["params"]["unet_config"]["params"] |= {"channel_mult": [1, 1, 1, 1], "num_res_blocks": 1}
        encoder = AudioMAEConditionQuantResEncoder(lstm_layer=1, centroid_npy_path=str(centroids))
        decoder = instantiate_from_config(config["model"])
        for parameter in decoder.model.parameters():  # the U-Net ends in zeros, which would hide its input
            if parameter.dim() > 1 and not parameter.any():
                torch.nn.init.normal_(parameter, std=0.05)
        model = assembled(encoder, decoder, SemantiCodecArguments.model_validate(ARGUMENTS))
        yield lambda entry: SemantiCodecAdapter.from_model(model, entry)


CONTRACT = [
    AdapterCase(
        entry(),
        small,
        facts=("native_rate",),
        misfits=[({"arguments": {**ARGUMENTS, "token_rate": 50}}, "says token rate 50, but the model has 100")],
        wrong_arguments=[
            ({**ARGUMENTS, "token_rate": 75}, r"'token_rate'.*25, 50 or 100"),
            (
                {**ARGUMENTS, "steps": 50},
                r"'steps'.*Arguments: token_rate, semantic_vocabulary, diffusion_steps",
            ),
        ],
        slow=True,
    )
]


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SemantiCodecAdapter]:
    with small(tmp_path_factory.mktemp("semanticodec")) as make:
        yield make(entry())


@pytest.mark.slow
def test_semanticodec_real_class_equals_upstream_called_by_hand(
    adapter: SemantiCodecAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    model: Any = adapter.model
    waveforms = checks.noise(1, 52_800)
    main = sys.modules["semanticodec.main"]  # reads a file with torchaudio, whose reader is a package of its own
    monkeypatch.setattr(main.torchaudio, "load", lambda path: (torch.from_numpy(waveforms.copy()), 16_000))
    torch.manual_seed(99)
    before = torch.get_rng_state()
    ours = adapter.code(waveforms, [5])
    assert torch.equal(torch.get_rng_state(), before)
    with torch.inference_mode():
        torch.manual_seed(5)
        np.testing.assert_array_equal(ours, model.decode(model.encode(__file__))[0])
    assert checks.difference(ours, adapter.code(waveforms, [6])) > 0.01
    assert ours.shape == (1, 53_760)


def test_semanticodec_without_its_files_in_the_catalogue_is_refused(tmp_path: Path) -> None:
    bare = checks.make_entry("semanticodec", 16_000, arguments=ARGUMENTS)
    with pytest.raises(RequestError, match=r"no weights file ending in encoder\.ckpt"):
        SemantiCodecAdapter(bare, weights=WeightFinder([tmp_path], offline=True)).load()
