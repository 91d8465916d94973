"""Tests of grid.corpus.sample."""
