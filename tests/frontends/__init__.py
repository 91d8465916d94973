"""Tests of grid.frontends."""
