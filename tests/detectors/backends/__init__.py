"""Tests of grid.detectors.backends."""
