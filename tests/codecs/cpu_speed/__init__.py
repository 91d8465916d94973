"""Tests of grid.codecs.cpu_speed."""
