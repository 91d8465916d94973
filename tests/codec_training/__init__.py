"""Tests of the small codecs: networks, losses, units and training."""
