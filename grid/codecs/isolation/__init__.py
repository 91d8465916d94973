"""Isolated environments for codecs whose dependencies conflict with the core's or each other's.

`grid/codecs/environments/NAME.yaml` declares an environment; `building.py` builds it; `adapter.py` and `server.py` are
the two ends of the bridge to a process in it.
"""
