"""Tests of grid.detectors.frontends."""
