"""Scoring: trained cells on the test splits of renditions, score tables, and single audio files."""
