"""Tests of grid.corpus."""
