"""Tests of grid.codecs.isolation."""
