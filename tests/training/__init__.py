"""Tests of grid.training."""
