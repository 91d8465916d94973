"""Tests of grid.corpus.build."""
