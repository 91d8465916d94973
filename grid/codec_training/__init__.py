"""A family of small neural codecs that differ in one attribute at a time: their networks, losses and training."""
