"""Environments of codecs whose dependencies clash with ours or with one another: one NAME.yaml declares one of them."""
