"""Speech corpora: protocols and audio files read into a manifest, one row per utterance, and facts about it.

protocol files + audio --import_corpus--> manifest.parquet, rejected.parquet
"""
