"""Tests of grid.codecs.adapters."""
