"""Tests of grid.detectors."""
