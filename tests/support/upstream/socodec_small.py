"""Run in the environment socodec: a small model with random weights, and what upstream's own task makes of it.

Below the folder given: the files of weights as the catalogue names them, and expected.npz.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from grid.codecs.adapters.socodec import new_model

TOKENIZER, VOCODER = "socodec_16384x4_120ms_16khz_chinese", "mel_vocoder_80dim_10ms_16khz"
HUBERT = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "conv_dim": [8] * 7,
    "conv_bias": True,
    "num_conv_pos_embeddings": 4,
    "num_conv_pos_embedding_groups": 2,
    "feat_extract_norm": "layer",
    "do_stable_layer_norm": True,
}
SILENCE = 8_000


def main(folder: Path) -> None:
    """Write everything."""
    transformers: Any = import_module("transformers")
    torch.manual_seed(0)
    hubert = transformers.HubertModel(transformers.HubertConfig(**HUBERT))
    configs = write_configs(folder / "SoCodec" / "configs")
    model = new_model(*configs, hubert).eval()
    waveforms = (0.1 * np.random.default_rng(0).standard_normal((2, 8_000))).astype(np.float32)
    strengthen(model)
    start_codebooks(model["analyzer"], waveforms)
    write_weights(folder, model, hubert)
    np.savez(folder / "expected.npz", waveforms=waveforms, **upstream(model, waveforms))


def write_configs(folder: Path) -> tuple[Path, Path]:
    """Upstream's two configs, with fewer channels; 64 because upstream's convolutions are in 32 groups."""
    folder.mkdir(parents=True)
    theirs = Path(import_module("socodec").__path__[0]).parent / "configs"
    written = folder / f"{TOKENIZER}.yaml", folder / f"{VOCODER}.yaml"
    tokenizer, vocoder = (yaml.safe_load((theirs / path.name).read_text(encoding="utf-8")) for path in written)
    tokenizer["task"]["network"]["analyzer"].update(in_dim=16, n_model_size=64)
    vocoder["task"]["network"]["vocoder"]["gen_cfg"]["upsample_initial_channel"] = 32
    for path, config in zip(written, (tokenizer, vocoder), strict=True):
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return written


def strengthen(model: Any) -> None:
    """No biases and larger weights behind the codes: else a small random model gives all items nearly the same."""
    for name, parameter in model.named_parameters():
        if "bias" in name:
            torch.nn.init.zeros_(parameter)
        if ("decoder_" in name or "project_out" in name) and parameter.ndim > 1:
            parameter.data *= 3.2


def start_codebooks(analyser: Any, waveforms: Any) -> None:
    """As after training: codebooks of the strength of what they quantise."""
    with torch.no_grad():
        lengths = torch.full((len(waveforms),), 9_600)
        padded = torch.nn.functional.pad(torch.from_numpy(waveforms), (0, 1_600))
        quantiser = analyser.quantizer.quantizers[0]
        latents = quantiser.project_in(analyser.encoder(analyser.ssl_extractor(padded, lengths)[0]))
    for codebook in quantiser._codebook.codebooks:
        torch.nn.init.normal_(codebook.embed, std=float(latents.std()))


def write_weights(folder: Path, model: Any, hubert: Any) -> None:
    """The files as upstream publishes them: HuBERT, under other names, is in the tokenizer's too."""
    save_file: Any = import_module("safetensors.torch").save_file
    authors = folder / "hhguo" / "SoCodec"
    authors.mkdir(parents=True)
    own = {name: tensor for name, tensor in model["analyzer"].state_dict().items() if "ssl_extractor" not in name}
    save_file({**own, "ssl_extractor.model.mask_emb": torch.zeros(16)}, authors / f"{TOKENIZER}.safetensors")
    save_file(model["vocoder"].state_dict(), authors / f"{VOCODER}.safetensors")
    hub = folder / "TencentGameMate" / "chinese-hubert-large"
    hub.mkdir(parents=True)
    hubert.config.to_json_file(hub / "config.json")
    torch.save(hubert.state_dict(), hub / "pytorch_model.bin")


def upstream(model: Any, waveforms: Any) -> dict[str, Any]:
    """One item after the other through upstream's NeuralCodec, as its example.py calls it, the silence still there."""
    task = import_module("socodec.tasks.neural_codec").NeuralCodec({}, mode="eval").eval()
    task.analyzer, task.vocoder = model["analyzer"], model["vocoder"]
    outputs, tokens = [], []
    with torch.no_grad():
        for waveform in torch.from_numpy(waveforms):
            signal = torch.nn.functional.pad(waveform[None], (SILENCE, 0))
            lengths = torch.tensor([signal.shape[1]])
            features = task({"wav": signal, "wav_length": lengths}, mode="speech_tokenization")
            given = {"token": features["token"], "token_length": features["token_length"], "spk": features["spk"]}
            outputs.append(task(given, mode="speech_reconstruction")["wav"][0].numpy())
            tokens.append(features["token"][0].numpy())
    return {"output": np.stack(outputs), "tokens": np.stack(tokens)}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
