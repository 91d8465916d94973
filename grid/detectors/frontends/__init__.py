"""Frontends: waveforms to features. Each file of this folder declares one frontend."""
