"""Tests of tasks.codecs."""
