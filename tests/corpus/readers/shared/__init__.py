"""Tests of grid.corpus.readers.shared."""
