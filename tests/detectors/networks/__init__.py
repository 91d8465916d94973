"""Tests of grid.detectors.networks."""
