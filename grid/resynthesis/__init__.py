"""Resynthesis: the utterances of a corpus passed through an attack, a codec or both, and stored in audio shards."""
