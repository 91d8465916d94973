"""WavTokenizer (Ji et al. 2024, "WavTokenizer: an Efficient Acoustic Discrete ..."), its git checkout."""

from __future__ import annotations

from typing import Any, ClassVar

from grid.codecs.contract import ADAPTERS
from grid.codecs.shared.encodec_vocos import EncodecVocosCodec

CLASSES = {
    "feature_extractor": "decoder.feature_extractors.EncodecFeatures",
    "backbone": "decoder.models.VocosBackbone",
    "head": "decoder.heads.ISTFTHead",
}


@ADAPTERS.register("wavtokenizer")
class WavTokenizerAdapter(EncodecVocosCodec):
    """A single codebook of 4096 vectors at 75 frames per second; the decoder attends to all frames at once.

    The delay is 0 by derivation (the real weights were not run): the convolutions of the encoder are padded on both
    sides, those of the decoder too, and the inverse transform places window k around the middle of frame k. Equal
    lengths only, for padding would reach every sample through attention and group normalisation.
    """

    revision: ClassVar[int] = 1
    classes = CLASSES

    def upstream(self) -> Any:
        """The checkout's package is `decoder`."""
        from decoder.pretrained import WavTokenizer

        return WavTokenizer
