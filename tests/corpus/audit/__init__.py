"""Tests of grid.corpus.audit."""
