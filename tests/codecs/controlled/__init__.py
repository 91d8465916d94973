"""Tests of grid.codecs.controlled."""
