"""Augmentation of waveforms: RawBoost, reverberation, noise, and the chain of them that a recipe sets."""
