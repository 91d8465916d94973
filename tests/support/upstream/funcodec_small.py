"""Run in the environment funcodec: small models with random weights, and what upstream's own class makes of them.

Below the folder given: NAME/config.yaml, NAME/model.pth and NAME/expected.npz for encodec and freqcodec, their settings
after upstream's egs/LibriTTS/codec/conf (encodec_16k_n32_600k_step, freqcodec_mag_phase_16k_n32_600k_step).
"""

from __future__ import annotations

import copy
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from grid.codecs.adapters.funcodec import new_model

NORM = {"norm": "time_group_norm", "causal": False, "n_filters": 4, "seq_layer_num": 1}
PLAIN = {"norm": "none", "norm_params": {}, "seq_model": "none"}
STRIDES = [[4, 1], [4, 1], [4, 2], [4, 1]]
MODEL = {
    "odim": 128,
    "target_sample_hz": 16_000,
    "audio_normalize": True,
    "use_power_spec_loss": True,
    "segment_dur": None,
    "overlap_ratio": None,
}
ENCODEC: dict[str, Any] = {
    "input_size": 1,
    "encoder": "encodec_seanet_encoder",
    "encoder_conf": NORM,
    "quantizer": "costume_quantizer",
    "quantizer_conf": {
        "codebook_size": 64,
        "num_quantizers": 32,
        "kmeans_init": True,
        "sampling_rate": 16_000,
        "quantize_dropout": True,
        "rand_num_quant": [1, 2, 4, 8, 16, 32],
        "encoder_hop_length": 320,
    },
    "decoder": "encodec_seanet_decoder",
    "decoder_conf": NORM,
    "discriminator": "multiple_disc",
    "discriminator_conf": {"disc_conf_list": [{"name": "encodec_multi_scale_stft_discriminator", "filters": 2}]},
    "model": "encodec",
    "model_conf": {**MODEL, "multi_spectral_window_powers_of_two": [5, 6]},
}
FREQCODEC: dict[str, Any] = {
    **ENCODEC,
    "input_size": 3,
    "encoder": "encodec_seanet_encoder_2d",
    "encoder_conf": {**NORM, "ratios": STRIDES, "norm_params": {"num_groups": 1}, "dilation_base": 1},
    "decoder": "encodec_seanet_decoder_2d",
    "decoder_conf": {**NORM, "ratios": STRIDES, "norm_params": {"num_groups": 1}, "dilation_base": 1, "channels": 3},
    "model": "freq_codec",
    "model_conf": {**MODEL, "multi_spectral_window_powers_of_two": [5, 6], "codec_domain": ["mag_phase", "mag_phase"]},
}


def main(folder: Path) -> None:
    """Write everything."""
    torch.manual_seed(0)
    for name, config in (("encodec", ENCODEC), ("freqcodec", FREQCODEC)):
        place = folder / name
        place.mkdir()
        (place / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
        model = new_model(config, place)
        waveforms = noise(2, 8_000)
        start_codebooks(model, waveforms)
        torch.save(model.state_dict(), place / "model.pth")
        expected = {str(bits): upstream(model, waveforms, bits) for bits in (None, 2_400)}
        np.savez(place / "expected.npz", waveforms=waveforms, centre=centre_error(config, place), **expected)


def noise(items: int, samples: int) -> Any:
    """`(items, samples)` at about -20 dB."""
    return (0.1 * np.random.default_rng(0).standard_normal((items, samples))).astype(np.float32)


def start_codebooks(model: Any, waveforms: Any) -> None:
    """As after training: vectors of the strength of the latents, and no k-means at the first use."""
    with torch.no_grad():
        latents = model._encode(torch.from_numpy(waveforms)[:, None])[0][0]
    codebooks = model.quantizer.rq.model
    torch.nn.init.normal_(codebooks.embed, std=float(latents.std()))
    codebooks.inited.fill_(1)


def upstream(model: Any, waveforms: Any, bit_width: int | None) -> Any:
    """What upstream's Speech2Token gives, whose constructor would build the model on CUDA: its call, our model."""
    speech_to_token: Any = import_module("funcodec.bin.codec_inference").Speech2Token
    codec = speech_to_token.__new__(speech_to_token)
    torch.nn.Module.__init__(codec)
    codec.model, codec.device = model, "cpu"
    return codec(torch.from_numpy(waveforms), bit_width=bit_width)[2][:, 0].numpy()


def centre_error(config: dict[str, Any], source: Path) -> int:
    """Samples between a middle output sample and the centre of what it depends on; without norm, LSTM and quantiser."""
    plain = copy.deepcopy(config)
    plain["model_conf"]["audio_normalize"] = False
    for part in ("encoder_conf", "decoder_conf"):
        plain[part].update(PLAIN)
    model = new_model(plain, source)
    middle = 24_000
    signal = torch.from_numpy(noise(1, 2 * middle))[:, None].requires_grad_()
    model._decode(model._encode(signal))[0, 0, middle].backward()
    assert signal.grad is not None
    touched = torch.nonzero(signal.grad[0, 0]).flatten()
    assert 0 < int(touched[0]) < int(touched[-1]) < 2 * middle - 1, "all of the item was seen: its centre says nothing"
    return round((int(touched[0]) + int(touched[-1])) / 2 - middle)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
