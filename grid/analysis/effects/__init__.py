"""The effect of codec attributes on the EER: EERs by tested codec, contrasts of matched pairs, and main effects."""
