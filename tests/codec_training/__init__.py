"""Tests of grid.codec_training."""
