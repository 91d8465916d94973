"""Language-Codec (Ji et al. 2024, "Language-Codec: Reducing the Gaps ..."), its git checkout."""

from __future__ import annotations

from typing import Any, ClassVar

from grid.codecs.contract import ADAPTERS
from grid.codecs.shared.encodec_vocos import EncodecVocosCodec

CLASSES = {
    "feature_extractor": "languagecodec_decoder.feature_extractors.EncodecFeatures",
    "backbone": "languagecodec_decoder.models.VocosBackbone",
    "head": "languagecodec_decoder.heads.ISTFTHead",
}


@ADAPTERS.register("language-codec")
class LanguageCodecAdapter(EncodecVocosCodec):
    """Eight codebooks: three for a third of the channels each, five for the residual.

    The delay is 0: by derivation, as WavTokenizer's, and in the audio that the authors publish (six utterances of
    their demo page, where the shift of least log-spectral difference on a grid of 20 samples is 0 five times and -20
    once). The real weights were not run.
    """

    revision: ClassVar[int] = 1
    classes = CLASSES

    def upstream(self) -> Any:
        """The checkout's package is `languagecodec_decoder`; the class has kept the name `Vocos`."""
        from languagecodec_decoder.pretrained import Vocos

        return Vocos
