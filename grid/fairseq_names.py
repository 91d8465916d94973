"""The names that the tensors of a fairseq wav2vec 2.0 model have in Hugging Face's Wav2Vec2Model."""

from __future__ import annotations

import re

from grid.errors import RequestError

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


def hugging_face_name(name: str) -> str | None:
    """The name in a Wav2Vec2Model of the tensor that fairseq calls `name`; None for one that only pre-training uses.

    Raises RequestError for a name that no wav2vec 2.0 of fairseq has.
    """
    if _PRETRAINING.fullmatch(name):
        return None
    for pattern, replacement in _RULES.items():
        match = re.fullmatch(pattern, name)
        if match:
            return match.expand(replacement)
    raise RequestError(f"{name!r} is no tensor of a fairseq wav2vec 2.0 model; other encoders cannot be read here")
