"""The audit of corpora: what their files are like in each class and split, and what tells the classes apart by itself.

A number that differs between the classes for a reason that is no artefact of generation (files of another sampling
rate, longer silences, a narrower band) is a shortcut that a detector can take. An utterance or a speaker of the test
that training has too makes a test easier than it should be.
"""
