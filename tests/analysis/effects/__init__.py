"""Tests of grid.analysis.effects."""
