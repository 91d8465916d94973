"""How every command ends: its last line and its status after a signal."""

from __future__ import annotations

import signal

import pytest

from grid.core.errors import STOPPED
from tasks import console


@pytest.mark.parametrize(("given", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_command_in_order_with_a_line_and_its_status(
    capsys: pytest.CaptureFixture[str], given: signal.Signals, status: int
) -> None:
    if given == signal.SIGINT:  # a shell starts what it puts in the background with SIGINT ignored
        signal.signal(given, signal.default_int_handler)
    before, ended = signal.getsignal(given), []

    def work() -> None:
        try:
            signal.raise_signal(given)  # to this very thread: one that is sent to the process may reach another
        finally:
            ended.append(True)

    with pytest.raises(SystemExit) as caught:
        console.main(work)
    assert caught.value.code == status
    assert capsys.readouterr().err == f"{STOPPED}\n"
    assert ended == [True]
    assert signal.getsignal(given) is before
