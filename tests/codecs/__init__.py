"""Tests of grid.codecs."""
