"""Speech encoders of the real classes, tiny and with random weights, and the frontend around them."""

from __future__ import annotations

from typing import Any

import torch

from grid.detectors.frontends.ssl import Ssl, SslOptions
from grid.detectors.networks.ssl_encoder import SslEncoder

SIZE, LAYERS = 32, 3

TINY: dict[str, Any] = {
    "model_type": "wav2vec2",
    "hidden_size": SIZE,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "conv_dim": [16] * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
}

TINY_XLSR: dict[str, Any] = TINY | {"do_stable_layer_norm": True, "feat_extract_norm": "layer", "conv_bias": True}
"""XLS-R's kind: layer norms inside the residual branches, and one after the last layer."""

TINY_W2V_BERT: dict[str, Any] = {
    "model_type": "wav2vec2-bert",
    "hidden_size": SIZE,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 2,
    "intermediate_size": 48,
}

TINY_WHISPER: dict[str, Any] = {
    "model_type": "whisper",
    "d_model": SIZE,
    "encoder_layers": LAYERS,
    "encoder_attention_heads": 2,
    "encoder_ffn_dim": 48,
    "max_source_positions": 50,
    "num_mel_bins": 80,
    "decoder_layers": 1,
    "decoder_attention_heads": 2,
    "vocab_size": 60,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 3,
}
"""A window of one second instead of 30."""


def declared(configuration: dict[str, Any] = TINY_XLSR, **options: Any) -> Ssl:
    return Ssl(SslOptions.model_validate({"configuration": configuration, "weights": "random"} | options))


def built(configuration: dict[str, Any] = TINY_XLSR, **options: Any) -> SslEncoder:
    module = declared(configuration, **options).build()
    assert isinstance(module, SslEncoder)
    return module


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(7)) * 0.1
