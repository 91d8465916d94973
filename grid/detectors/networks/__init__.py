"""The torch modules of frontends and backends, built from plain arguments."""
