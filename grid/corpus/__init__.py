"""Owns speech corpora: the manifest, importing protocols and audio, reading audio, and shards of audio.

protocol files + audio --import_corpus--> manifest.parquet, rejected.parquet
"""
