"""A real browser, Chromium without a window, driven over its debugging pipe: waits for words on a page, not for a time.

The protocol is JSON, a zero byte after each message (https://chromedevtools.github.io/devtools-protocol).
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
OPTIONS = (
    *("--headless=new", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-extensions", "--disable-sync", "--remote-debugging-pipe"),
    "--no-sandbox",  # Chromium's own cannot be had as root, in a container
)
PATIENCE = 180.0
"""Seconds for a page to show what is waited for, on a machine that is busy."""
VISITED_BEFORE = "localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true')"
"""On a first visit MLflow opens its assistant over a quarter of the page."""


TEXT = r"document.body.innerText.replace(/\s+/g, ' ')"


class Browser:
    """One page of a running Chromium."""

    def __init__(self, commands: int, events: int, width: int, height: int) -> None:
        """`commands` and `events` are the ends of the pipes to and from Chromium; sizes are in pixels."""
        self._commands, self._events = commands, events
        self._buffer = b""
        self._count = 0
        self._session: str | None = None
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._call("Page.enable")
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self._call("Page.addScriptToEvaluateOnNewDocument", source=VISITED_BEFORE)

    def open(self, address: str, *words: str) -> str:
        """Opens a page and gives its text, white space made one space, as soon as it has all of these words."""
        self._call("Page.navigate", url="about:blank")  # else another `#` would leave the page as it is
        self._call("Page.navigate", url=address)
        wanted = f"document.body && {json.dumps(words)}.every(word => {TEXT}.includes(word))"
        self.wait(wanted)
        return str(self.evaluate(TEXT))

    def wait(self, condition: str) -> None:
        """Waits until a JavaScript expression is true; AssertionError, with the text of the page, if it never is."""
        end = time.monotonic() + PATIENCE
        while not self.evaluate(condition):
            assert time.monotonic() < end, f"not so on the page: {condition}. It says: {self.evaluate(TEXT)}"
            time.sleep(0.2)

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression on the page."""
        return self._call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def picture(self, path: Path) -> None:
        """Writes what the page shows as PNG."""
        path.write_bytes(base64.b64decode(self._call("Page.captureScreenshot", format="png")["data"]))

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        self._count += 1
        session = {"sessionId": self._session} if self._session is not None else {}
        message = {"id": self._count, "method": method, "params": params, **session}
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._message()
            if answer.get("id") == self._count:
                assert "result" in answer, f"{method}: {answer}"
                return dict(answer["result"])

    def _message(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._events], [], [], PATIENCE)
            assert ready, f"Chromium did not answer for {PATIENCE:.0f} s"
            received = os.read(self._events, 1 << 20)
            assert received, "Chromium ended"
            self._buffer += received
        message, _, self._buffer = self._buffer.partition(b"\0")
        return dict(json.loads(message))


@contextmanager
def browser(width: int = 1600, height: int = 1000) -> Iterator[Browser]:
    """A Chromium with an empty profile, which ends with the block."""
    assert CHROMIUM is not None
    (commands_out, commands_in), (events_out, events_in) = os.pipe(), os.pipe()
    # Chromium reads its commands from descriptor 3 and writes to 4
    shell = ["bash", "-c", f'exec "$0" "$@" 3<&{commands_out} 4>&{events_in}', CHROMIUM, *OPTIONS]
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        command = [*shell, f"--user-data-dir={profile}"]
        process = subprocess.Popen(command, pass_fds=(commands_out, events_in), stderr=subprocess.DEVNULL)
        os.close(commands_out)
        os.close(events_in)
        try:
            yield Browser(commands_in, events_out, width, height)
        finally:
            os.close(commands_in)
            os.close(events_out)
            process.terminate()
            process.wait(30)
