"""The stages of a run on Ray: import, resynthesis, training, artefacts, small codecs; and progress events."""
