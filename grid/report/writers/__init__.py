"""Owns the formats a table is written in: each file turns a `Table` into one of them."""
