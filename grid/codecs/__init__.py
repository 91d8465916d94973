"""Codecs: the catalogue, the contract of all codecs, and one adapter module per upstream family."""
