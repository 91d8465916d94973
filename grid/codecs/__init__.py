"""Codecs: the catalogue of facts, the one contract of every codec, and one adapter file per upstream family."""
