"""How the two ends of a bridge talk: one line of JSON, then the raw float32 samples that it announces.

A message is `{"shape": [items, samples], ...}` and a newline, followed by items * samples little-endian float32 values
when it has a shape, and by nothing when it has none. Both ends are of one version of this file, so it has no number.
"""

from __future__ import annotations

import json
import socket
from typing import Any

import numpy as np
from numpy.typing import NDArray

Message = dict[str, Any]
Samples = NDArray[np.float32]

WIRE = np.dtype("<f4")
LONGEST_HEADER = 1 << 24


class Channel:
    """One end of a connected pair of sockets."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._reader = connection.makefile("rb")

    def send(self, message: Message, samples: Samples | None = None) -> None:
        """Write a message whole; OSError when the other end is gone."""
        header = message if samples is None else {**message, "shape": list(samples.shape)}
        self.connection.sendall(json.dumps(header).encode() + b"\n")
        if samples is not None:
            self.connection.sendall(np.ascontiguousarray(samples, dtype=WIRE).reshape(-1).view(np.uint8).data)

    def receive(self) -> tuple[Message, Samples | None]:
        """The next message; EOFError when the other end closed, or died in the middle of one."""
        line = self._reader.readline(LONGEST_HEADER)
        if not line.endswith(b"\n"):
            raise EOFError("the other end of the bridge is gone")
        message: Message = json.loads(line)
        shape = message.pop("shape", None)
        if shape is None:
            return message, None
        raw = self._reader.read(int(np.prod(shape)) * WIRE.itemsize)
        if len(raw) < int(np.prod(shape)) * WIRE.itemsize:
            raise EOFError("the other end of the bridge went away in the middle of a message")
        return message, np.frombuffer(raw, dtype=WIRE).reshape(shape).astype(np.float32)

    def close(self) -> None:
        """Close it; the other end reads the end of the file."""
        self._reader.close()
        self.connection.close()
