"""Tests of grid.corpus.readers."""
