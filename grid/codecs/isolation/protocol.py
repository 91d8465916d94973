"""The messages between the two ends of a bridge: one line of JSON, then raw float32 samples if it announces them.

A message is `{"shape": [items, samples], ...}` and a newline, followed by items * samples little-endian float32 values
when it has a shape, and by nothing otherwise. Both ends run the same version of this file: messages carry no version.
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
        """Sends a message; OSError when the other end has closed."""
        header = message if samples is None else {**message, "shape": list(samples.shape)}
        self.connection.sendall(json.dumps(header).encode() + b"\n")
        if samples is not None:
            self.connection.sendall(np.ascontiguousarray(samples, dtype=WIRE).reshape(-1).view(np.uint8).data)

    def receive(self) -> tuple[Message, Samples | None]:
        """The next message and its samples `(items, samples)`, if any; EOFError when the other end has closed."""
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
        """Closes this end; the other end then reads an end of file."""
        self._reader.close()
        self.connection.close()
