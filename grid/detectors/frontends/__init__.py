"""Frontends: waveform to features. One file of this folder is one frontend."""
