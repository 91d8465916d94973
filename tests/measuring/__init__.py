"""Tests of grid.measuring."""
