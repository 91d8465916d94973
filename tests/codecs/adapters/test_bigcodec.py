"""BigCodec's adapter on the real classes with random weights: contract, a working quantiser, both file formats."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from bigcodec import BigCodec, CodecDecoder, CodecEncoder
from bigcodec.modules import ResLSTM
from safetensors.torch import save_file

from grid.codecs.adapters.bigcodec import BigCodecAdapter, BigCodecSizes, new_model
from grid.core.weights import WeightFinder
from tests.support import torch_codec_checks as checks
from tests.support.adapter_contract import AdapterCase, around

HOP = 200
SMALL = BigCodecSizes(filters=2, latent=8, decoder_channels=64, codebook_size=32, codebook_dimension=4)
PACKAGE_CONFIG: dict[str, Any] = {
    "ngf": 2,
    "use_rnn": True,
    "rnn_bidirectional": False,
    "rnn_num_layers": 2,
    "up_ratios": [2, 2, 2, 5, 5],
    "dilations": [1, 3, 9],
    "out_channels": 8,
    "codebook_size": 32,
    "vq_num_quantizers": 1,
    "codebook_dim": 4,
}
OFFICIAL = {"path": "Alethia/BigCodec/bigcodec.pt", "source": "hub:Alethia/BigCodec"}


def small_model() -> Any:
    """The published strides and LSTMs with few channels; no biases, so that codes vary."""
    torch.manual_seed(0)
    model = new_model(SMALL)
    checks.without_biases(model)
    return model


def adapter(model: Any = None) -> BigCodecAdapter:
    entry = checks.make_entry("bigcodec", 16_000, hop=HOP, codebooks=1, codebook_size=32)
    return BigCodecAdapter.from_model(small_model() if model is None else model, entry)


CONTRACT = [
    AdapterCase(
        checks.make_entry("bigcodec", 16_000, hop=HOP, codebooks=1, codebook_size=32, weights=[OFFICIAL]),
        around(BigCodecAdapter, small_model),
        facts=("hop", "codebooks", "codebook_size"),
    )
]


def test_bigcodec_codes_are_integers_within_the_codebook() -> None:
    with torch.inference_mode():
        codes = adapter().encode_each([torch.from_numpy(checks.noise(2, 16_001))[:, None]])[0]
    assert codes.shape == (2, 1, 81)
    assert codes.dtype == torch.int64
    assert 0 <= int(codes.min()) <= int(codes.max()) < 32
    assert len(codes.unique()) > 2


def test_bigcodec_decoder_sees_only_what_the_codes_stand_for() -> None:
    """The tensor that enters the decoder network is, column by column, a projected codebook vector."""
    codec = adapter()
    seen: list[torch.Tensor] = []
    decoder = codec.model["decoder"]  # type: ignore[index]
    handle = decoder.model[0].register_forward_hook(lambda module, given, result: seen.append(given[0]))
    codec.code(checks.noise(2, 16_000), [0, 0])
    handle.remove()
    layer = decoder.quantizer.layers[0]
    with torch.inference_mode():
        possible = layer.out_proj(layer.codebook.weight)
        columns = seen[0].transpose(1, 2).reshape(-1, SMALL.latent)
        distances = torch.cdist(columns, possible, compute_mode="donot_use_mm_for_euclid_dist").min(dim=1).values
    assert distances.max() < 1e-6
    assert columns.std() > 1e-3


def test_bigcodec_another_codebook_changes_the_output() -> None:
    codec, waveforms = adapter(), checks.noise(1, 16_000)
    before = codec.code(waveforms, [0])
    torch.nn.init.normal_(codec.model["decoder"].quantizer.layers[0].codebook.weight, std=3.0)  # type: ignore[index]
    assert checks.difference(before, codec.code(waveforms, [0])) > 0.01


@pytest.mark.slow
def test_bigcodec_items_of_different_lengths_together_are_as_one_by_one_in_any_order() -> None:
    """And what stands together is the LSTMs alone: their weights are read once for all."""
    torch.set_num_threads(1)
    codec = adapter()
    items = [row[:n] for row, n in zip(checks.noise(4, 9_000), (1, 4_000, 8_999, 5_201), strict=True)]
    calls: list[tuple[str, int]] = []
    for module in codec.model.modules():
        if isinstance(module, ResLSTM | torch.nn.Conv1d):
            module.register_forward_hook(lambda kind, given, _: calls.append((type(kind).__name__, len(given[0]))))
    together = codec.code_each(items, [0] * 4)
    assert set(calls) == {("ResLSTM", 4), ("TimeMajorConv1d", 1)}
    assert calls.count(("ResLSTM", 4)) == 2
    for row, item in zip(together, items, strict=True):
        alone = codec.code(item[None], [0])[0]
        assert row.shape == alone.shape
        assert checks.difference(alone, row) < 1e-5
    for row, turned in zip(together, codec.code_each(items[::-1], [0] * 4)[::-1], strict=True):
        assert checks.difference(row, turned) < 1e-5


def test_bigcodec_group_of_one_length_equals_the_batch() -> None:
    codec, waveforms = adapter(), checks.noise(3, 5_000)
    np.testing.assert_allclose(codec.code_each(list(waveforms), [0] * 3), codec.code(waveforms, [0] * 3), atol=1e-6)


def test_bigcodec_lstm_of_both_directions_reads_no_padding() -> None:
    torch.manual_seed(0)
    model = new_model(SMALL)
    checks.without_biases(model)
    channels = model["encoder"].enc_dim
    place = [type(layer).__name__ for layer in model["encoder"].block].index("ResLSTM")
    model["encoder"].block[place] = ResLSTM(channels, bidirectional=True)
    codec = adapter(model)
    items = [row[:n] for row, n in zip(checks.noise(2, 6_000), (2_000, 6_000), strict=True)]
    for row, item in zip(codec.code_each(items, [0, 0]), items, strict=True):
        assert checks.difference(codec.code(item[None], [0])[0], row) < 1e-5


@pytest.mark.slow
def test_bigcodec_output_sample_is_centred_on_its_input_sample() -> None:
    """Without the LSTMs, which remember all that was before."""
    torch.manual_seed(0)
    encoder = CodecEncoder(ngf=2, use_rnn=False, out_channels=8).eval()
    decoder = CodecDecoder(
        in_channels=8, upsample_initial_channel=64, ngf=2, use_rnn=False, vq_dim=8, codebook_size=32, codebook_dim=4
    ).eval()
    checks.check_alignment(lambda signal: decoder(decoder(encoder(signal))[0], vq=False), 160 * HOP, HOP)


def test_bigcodec_authors_file_with_old_weight_norm_names_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BigCodecAdapter, "sizes", SMALL)
    model = small_model()
    stored = {"CodecEnc": _old_names(model["encoder"]), "generator": _old_names(model["decoder"])}
    path = tmp_path / OFFICIAL["path"]
    path.parent.mkdir(parents=True)
    torch.save(stored, path)
    entry = checks.make_entry("bigcodec", 16_000, weights=[OFFICIAL])
    loaded = BigCodecAdapter(entry, weights=WeightFinder([tmp_path], offline=True))
    waveforms = checks.noise(1, 5_000)
    np.testing.assert_array_equal(loaded.code(waveforms, [0]), adapter(model).code(waveforms, [0]))


@pytest.mark.slow
def test_bigcodec_package_files_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # the package's config cannot narrow the decoder: at full width this test takes 8 s
    monkeypatch.setattr("bigcodec.hf_model.CodecDecoder", partial(CodecDecoder, upsample_initial_channel=64))
    original = BigCodec(**PACKAGE_CONFIG)
    (tmp_path / "config.json").write_text(json.dumps(PACKAGE_CONFIG), encoding="utf-8")
    save_file(original.state_dict(), tmp_path / "model.safetensors")
    files = [{"path": "config.json"}, {"path": "model.safetensors"}]
    entry = checks.make_entry("bigcodec", 16_000, weights=files)
    loaded = BigCodecAdapter(entry, weights=WeightFinder([tmp_path], offline=True)).load()
    for name, tensor in original.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor), name


def test_bigcodec_pickled_code_is_refused(tmp_path: Path) -> None:
    entry = checks.make_entry("bigcodec", 16_000, weights=[{"path": "bigcodec.pt"}])
    checks.check_pickled_code_is_refused(entry, tmp_path / "bigcodec.pt", tmp_path)


def _old_names(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The state dict as torch.nn.utils.weight_norm named its tensors when the authors saved theirs."""
    new = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
    state = dict(module.state_dict())
    for fresh, old in new.items():
        state = {name.replace(fresh, old): tensor for name, tensor in state.items()}
    return state
