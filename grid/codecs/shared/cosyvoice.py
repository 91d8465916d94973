"""CosyVoice 2's decoder (Du et al. 2024, "CosyVoice 2: ..."): its flow, vocoder, mel spectrogram and speaker vector."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from grid.codecs.contract import Samples

if TYPE_CHECKING:
    from grid.codecs.torch_codec import Model, Signal

RATE = 24_000
MEL_BINS = 80
MEL_HOP = 480
FRAMES_PER_TOKEN = 2
TOKENS = 3**8
TOKEN_RATE = 25
SPEAKER = 192
"""Number of values in a speaker vector of CAM++."""


@dataclass(frozen=True)
class CosyVoiceSizes:
    """Sizes of the published model, which its files do not carry: examples/libritts/cosyvoice2 of the repository."""

    encoder_blocks: int = 6
    encoder_units: int = 2048
    estimator_channels: int = 256
    estimator_blocks: int = 4
    estimator_middle: int = 12
    vocoder_channels: int = 512


def new_flow(sizes: CosyVoiceSizes) -> Model:
    """Tokens to mel frames, causal conditional flow matching, with random weights.

    Its initial noise is not a weight: upstream draws a table of 300 s with seed 0 when the object is created, and every
    utterance starts from its beginning. The state of the global random number generators is restored.
    """
    from cosyvoice.flow.decoder import CausalConditionalDecoder
    from cosyvoice.flow.flow import CausalMaskedDiffWithXvec
    from cosyvoice.flow.flow_matching import CausalConditionalCFM
    from cosyvoice.transformer.upsample_encoder import UpsampleConformerEncoder

    encoder = UpsampleConformerEncoder(
        input_size=512,
        output_size=512,
        attention_heads=8,
        linear_units=sizes.encoder_units,
        num_blocks=sizes.encoder_blocks,
        input_layer="linear",
        pos_enc_layer_type="rel_pos_espnet",
        selfattention_layer_type="rel_selfattn",
        use_cnn_module=False,
        macaron_style=False,
        static_chunk_size=TOKEN_RATE,
    )
    estimator = CausalConditionalDecoder(
        in_channels=4 * MEL_BINS,
        out_channels=MEL_BINS,
        channels=[sizes.estimator_channels],
        dropout=0.0,
        attention_head_dim=64,
        n_blocks=sizes.estimator_blocks,
        num_mid_blocks=sizes.estimator_middle,
        num_heads=8,
        act_fn="gelu",
        static_chunk_size=TOKEN_RATE * FRAMES_PER_TOKEN,
        num_decoding_left_chunks=-1,
    )
    settings = {"sigma_min": 1e-6, "solver": "euler", "t_scheduler": "cosine", "reg_loss_type": "l1"}
    guidance = {"training_cfg_rate": 0.2, "inference_cfg_rate": 0.7}
    with global_randomness_kept():
        decoder = CausalConditionalCFM(
            in_channels=3 * MEL_BINS,
            n_spks=1,
            spk_emb_dim=MEL_BINS,
            cfm_params=SimpleNamespace(**settings, **guidance),
            estimator=estimator,
        )
    flow: Model = CausalMaskedDiffWithXvec(
        input_size=512,
        output_size=MEL_BINS,
        spk_embed_dim=SPEAKER,
        vocab_size=TOKENS,
        input_frame_rate=TOKEN_RATE,
        token_mel_ratio=FRAMES_PER_TOKEN,
        pre_lookahead_len=3,
        encoder=encoder,
        decoder=decoder,
    )
    return flow


def new_vocoder(sizes: CosyVoiceSizes) -> Model:
    """Mel frames to samples at 24 kHz (HiFT-Net), with random weights; its source draws noise and phases."""
    from cosyvoice.hifigan.f0_predictor import ConvRNNF0Predictor
    from cosyvoice.hifigan.generator import HiFTGenerator

    pitch = ConvRNNF0Predictor(num_class=1, in_channels=MEL_BINS, cond_channels=sizes.vocoder_channels)
    vocoder: Model = HiFTGenerator(
        in_channels=MEL_BINS,
        base_channels=sizes.vocoder_channels,
        nb_harmonics=8,
        sampling_rate=RATE,
        nsf_alpha=0.1,
        nsf_sigma=0.003,
        nsf_voiced_threshold=10,
        upsample_rates=[8, 5, 3],
        upsample_kernel_sizes=[16, 11, 7],
        istft_params={"n_fft": 16, "hop_len": 4},
        resblock_kernel_sizes=[3, 7, 11],
        resblock_dilation_sizes=[[1, 3, 5]] * 3,
        source_resblock_kernel_sizes=[7, 7, 11],
        source_resblock_dilation_sizes=[[1, 3, 5]] * 3,
        lrelu_slope=0.1,
        audio_limit=0.99,
        f0_predictor=pitch,
    )
    return vocoder


def mel_frames(waveform: Signal) -> Signal:
    """`(1, samples)` at 24 kHz to `(1, samples // 480, 80)`, as the flow was trained to continue it."""
    from matcha.utils.audio import mel_spectrogram

    mel: Signal = mel_spectrogram(
        waveform,
        n_fft=4 * MEL_HOP,
        num_mels=MEL_BINS,
        sampling_rate=RATE,
        hop_size=MEL_HOP,
        win_size=4 * MEL_HOP,
        fmin=0,
        fmax=8_000,
        center=False,
    )
    return mel.transpose(1, 2)


class SpeakerEncoder:
    """CAM++ (Wang et al. 2023), an ONNX graph: 16 kHz samples to one vector of 192 values."""

    def __init__(self, path: Path) -> None:
        import onnxruntime

        options: Any = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session: Any = onnxruntime.InferenceSession(
            str(path), sess_options=options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, waveform: Samples) -> Samples:
        """`(1, samples)` at 16 kHz to `(1, 192)`, from filter banks without their mean over the utterance."""
        import torch
        from torchaudio.compliance.kaldi import fbank

        banks = fbank(torch.from_numpy(waveform), num_mel_bins=80, dither=0, sample_frequency=16_000)
        centred = (banks - banks.mean(dim=0, keepdim=True))[None].numpy()
        vector = self._session.run(None, {self._session.get_inputs()[0].name: centred})[0]
        return np.asarray(vector, dtype=np.float32).reshape(1, -1)


@contextmanager
def global_randomness_kept() -> Iterator[None]:
    """Restores the state of the global random number generators of Python, NumPy and torch (CPU) at the end."""
    import torch

    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - upstream seeds these
    with torch.random.fork_rng():
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002
