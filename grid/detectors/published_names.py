"""Translates the tensor names of published checkpoints to those of this project; the names show the file's origin.

    file of                    its names                                      what it holds
    clovaai/aasist             first_bn.*, encoder.*, out_layer.* ...         the backend alone
    SSL_Anti-spoofing          ssl_model.model.*, LL.*, out_layer.* ...       the head and fairseq's XLS-R, fine-tuned
    CodecFake-Source-Tracing   the same, graph half in binary_branch.*        the same; multiclass_branch_*: tracing
    IMS-ADD (the CDD paper)    LL.*, out_layer.* ... or time_attn_mlp1 ...    the backend alone: XLS-R was frozen
                               frontend.model.*, backend.*                    both, where XLS-R was fine-tuned
    AntiDeepfake               m_ssl.model.*, proj_fc.*                       the head and fairseq's wav2vec 2.0
    Spectra-0                  ssl_encoder.model.*, bridge.*, ecapa_tdnn.*    the head and transformers' XLS-R
    DF-Arena                   backbone.ssl_model.*, backbone.conformer.* ... the same

Sources: TakHemlata/SSL_Anti-spoofing@4acaa61 model.py, ResponsibleGenAI/CodecFake-Source-Tracing@91516e0
w2v2_aasist_baseline/model.py, XIAOYixuan/IMS-ADD@8bc6e98 onebit/model, nii-yamagishilab/AntiDeepfake@07e1de1
models/W2V.py, and of the hub model.py of lab260/spectra_0, backbone.py and conformer.py of
Speech-Arena-2025/DF_Arena_1B_V_1. Tested on files in the same form: of the published files only
AASIST's were available.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

from grid.core.errors import RequestError

# Baevski, Zhou, Mohamed, Auli 2020, "wav2vec 2.0"; XLS-R is Babu et al. 2022. Both implementations hold the same
# tensors in the same shapes (fairseq a5402130 models/wav2vec/wav2vec2.py; transformers 5 modeling_wav2vec2.py), the
# positional convolution too: each normalises its weight over the dimension of the kernel.
_RULES = {
    r"(feature_extractor\.conv_layers\.\d+)\.0\.(weight|bias)": r"\1.conv.\2",
    # 2.1 where each layer has a layer norm (XLS-R); 2 is the group norm of the first layer (wav2vec 2.0 base)
    r"(feature_extractor\.conv_layers\.\d+)\.2(?:\.1)?\.(weight|bias)": r"\1.layer_norm.\2",
    r"layer_norm\.(weight|bias)": r"feature_projection.layer_norm.\1",
    r"post_extract_proj\.(weight|bias)": r"feature_projection.projection.\1",
    r"mask_emb": r"masked_spec_embed",
    r"encoder\.pos_conv\.0\.(.+)": r"encoder.pos_conv_embed.conv.\1",
    r"encoder\.layer_norm\.(weight|bias)": r"encoder.layer_norm.\1",
    r"(encoder\.layers\.\d+)\.self_attn\.((?:q|k|v|out)_proj)\.(weight|bias)": r"\1.attention.\2.\3",
    r"(encoder\.layers\.\d+)\.self_attn_layer_norm\.(weight|bias)": r"\1.layer_norm.\2",
    r"(encoder\.layers\.\d+)\.fc1\.(weight|bias)": r"\1.feed_forward.intermediate_dense.\2",
    r"(encoder\.layers\.\d+)\.fc2\.(weight|bias)": r"\1.feed_forward.output_dense.\2",
    r"(encoder\.layers\.\d+)\.final_layer_norm\.(weight|bias)": r"\1.final_layer_norm.\2",
}

# The quantiser and the projections of the contrastive loss: pre-training uses them, features do not.
_PRETRAINING = re.compile(r"(quantizer|project_q|final_proj|target_glu)\..+")

TensorLike = TypeVar("TensorLike")
_ENCODER = "frontend.encoder."
MASK_VECTOR = f"{_ENCODER}masked_spec_embed"
"""The vector that replaces masked frames in training; not used otherwise."""

# XIAOYixuan/IMS-ADD@8bc6e98 onebit/model/backend/{layer_wise,lw_bn}.py -> grid/detectors/networks/lwbn.py
_LWBN = {
    "time_attn_mlp1": "attention",
    "bottleneck_proj.2.weight": "bottleneck.weight",
    "bottleneck_proj.2.bias": "bottleneck.bias",
    "center": "centres",
}

# lab260/spectra_0 model.py -> grid/detectors/networks/ecapa_tdnn.py: the beginnings of names
_ECAPA_BLOCK = {
    "conv1.": "enter.",
    "bn1.": "enter_norm.",
    "convs.": "slices.",
    "bns.": "slice_norms.",
    "conv3.": "leave.",
    "bn3.": "leave_norm.",
    "se.se.1.": "squeeze.",
    "se.se.3.": "excite.",
}
_SPECTRA = {
    "ssl_encoder.model.": _ENCODER,
    "bridge.mlp.": "backend.bridge.",
    "ecapa_tdnn.conv1.": "backend.enter.",
    "ecapa_tdnn.bn1.": "backend.enter_norm.",
    "ecapa_tdnn.layer5.": "backend.join.",
    "ecapa_tdnn.attention.": "backend.pooling.attention.",
    "ecapa_tdnn.bn5.": "backend.pooled_norm.",
    "ecapa_tdnn.fc6.": "backend.out_layer.",
} | {
    f"ecapa_tdnn.layer{number}.{theirs}": f"backend.blocks.{number - 1}.{ours}"
    for number in range(1, 5)
    for theirs, ours in _ECAPA_BLOCK.items()
}

# Speech-Arena-2025/DF_Arena_1B_V_1 backbone.py and conformer.py -> grid/detectors/networks/raptor.py
_RAPTOR = {
    "ssl_model.": _ENCODER,
    "attn_scores.": "backend.frame_score.",
    "fc0.": "backend.layer_gate.",
    "first_bn.": "backend.norm.",
    "conformer.class_token": "backend.class_token",
    "conformer.fc5.": "backend.out_layer.",
}
_RAPTOR_BLOCK = {
    "ff1.fn.norm.": "before.norm.",
    "ff1.fn.fn.net.0.": "before.enter.",
    "ff1.fn.fn.net.3.": "before.leave.",
    "attn.norm.": "attention.norm.",
    "attn.fn.qkv.": "attention.qkv.",
    "attn.fn.proj.": "attention.project.",
    "attn.fn.ht_proj.": "attention.to_token.",
    "attn.fn.ht_norm.": "attention.token_norm.",
    "attn.fn.pos_embed": "attention.token_position",
    "conv.net.0.": "convolution.norm.",
    "conv.net.2.": "convolution.enter.",
    "conv.net.4.conv.": "convolution.depthwise.",
    "conv.net.5.": "convolution.depthwise_norm.",
    "conv.net.7.": "convolution.leave.",
    "ff2.fn.norm.": "after.norm.",
    "ff2.fn.fn.net.0.": "after.enter.",
    "ff2.fn.fn.net.3.": "after.leave.",
    "post_norm.": "norm.",
}

# The two parts of a weight norm: torch.nn.utils.weight_norm, and torch.nn.utils.parametrizations.weight_norm.
_WEIGHT_NORM = (
    (".weight_g", ".parametrizations.weight.original0"),
    (".weight_v", ".parametrizations.weight.original1"),
)


def hugging_face_name(name: str) -> str | None:
    """The name in transformers' Wav2Vec2Model of fairseq's tensor `name`; None for one that only pre-training uses.

    Raises RequestError for a name that no wav2vec 2.0 of fairseq has.
    """
    if _PRETRAINING.fullmatch(name):
        return None
    for pattern, replacement in _RULES.items():
        match = re.fullmatch(pattern, name)
        if match:
            return match.expand(replacement)
    raise RequestError(f"{name!r} is no tensor of a fairseq wav2vec 2.0 model; other encoders cannot be read here")


def to_detector_names(state: Mapping[str, TensorLike], own: Collection[str]) -> dict[str, TensorLike]:
    """The tensors of `state` under the names of a detector whose complete state dict has the names `own`.

    Omitted are the prefix of DataParallel, tensors that only fairseq's pre-training uses, the branches of source
    tracing, and the vector of masked frames where the detector has none. A name that no rule matches becomes a name
    of the backend, for the caller to compare. Raises RequestError where two tensors would get one name.
    """
    parallel = all(name.startswith("module.") for name in state)
    bare = {name.removeprefix("module.") if parallel else name: value for name, value in state.items()}
    rename = _renaming_for(bare)
    renamed: dict[str, TensorLike] = {}
    for name, value in bare.items():
        target = name if name in own else rename(name)
        if target is None or (target == MASK_VECTOR and MASK_VECTOR not in own):
            continue
        target = _with_weight_norm_of(own, target)
        if target in renamed:
            raise RequestError(f"two tensors of the file are {target}; {name!r} is the second")
        renamed[target] = value
    return renamed


def _renaming_for(names: Collection[str]) -> Callable[[str], str | None]:
    if any(name.startswith("ssl_model.") for name in names):
        return _from_ssl_anti_spoofing
    if any(name.startswith("m_ssl.") for name in names):
        return _from_antideepfake
    if any(name.startswith("backbone.ssl_model.") for name in names):
        return _from_raptor
    if any(name.startswith("ssl_encoder.") for name in names):
        return _from_spectra
    if any(name.startswith(("frontend.", "backend.")) for name in names):
        return _from_whole_detector
    return _from_backend


def _from_ssl_anti_spoofing(name: str) -> str | None:
    if name.startswith("ssl_model.model."):
        return _from_fairseq(name.removeprefix("ssl_model.model."))
    if name.startswith("multiclass_branch_"):
        return None
    return _from_backend(name.removeprefix("binary_branch."))


def _from_antideepfake(name: str) -> str | None:
    if name.startswith("m_ssl.model."):
        return _from_fairseq(name.removeprefix("m_ssl.model."))
    return f"backend.out_layer.{name.removeprefix('proj_fc.')}" if name.startswith("proj_fc.") else f"backend.{name}"


def _from_spectra(name: str) -> str:
    beginning = next((beginning for beginning in _SPECTRA if name.startswith(beginning)), None)
    return _SPECTRA[beginning] + name.removeprefix(beginning) if beginning else f"backend.{name}"


def _from_raptor(name: str) -> str | None:
    name = name.removeprefix("backbone.")
    if name == "conformer.positional_emb":  # sinusoids that are not trained
        return None
    beginning, renamed, rest = "", "", name
    if block := re.match(r"conformer\.encoder_blocks\.(\d+)\.", name):
        beginning, renamed, rest = f"backend.blocks.{block[1]}.", "", name[block.end() :]
    for theirs, ours in (_RAPTOR_BLOCK if beginning else _RAPTOR).items():
        if rest.startswith(theirs):
            renamed = ours + rest.removeprefix(theirs)
    return beginning + renamed if renamed else f"backend.{name}"


def _from_fairseq(name: str) -> str | None:
    encoder_name = hugging_face_name(name)
    return None if encoder_name is None else _ENCODER + encoder_name


def _from_whole_detector(name: str) -> str:
    if name.startswith("backend."):
        return _from_backend(name.removeprefix("backend."))
    return _ENCODER + name.removeprefix("frontend.model.") if name.startswith("frontend.model.") else name


def _from_backend(name: str) -> str:
    return f"backend.{_LWBN.get(name, name)}"


def _with_weight_norm_of(own: Collection[str], name: str) -> str:
    """`name`, or the other name of the same part of a weight norm where that is the one in `own`."""
    for older, newer in _WEIGHT_NORM:
        for suffix, replacement in ((older, newer), (newer, older)):
            if name.endswith(suffix) and name.removesuffix(suffix) + replacement in own:
                return name.removesuffix(suffix) + replacement
    return name
