"""Tests of codecgrid."""
