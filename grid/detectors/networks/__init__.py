"""The torch modules of frontends and backends. They take plain arguments and know no option file."""
