"""Tests of grid.detectors.contract."""
