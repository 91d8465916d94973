"""Tests of the command line: statuses, documents, messages."""
