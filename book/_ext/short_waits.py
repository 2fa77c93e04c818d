"""A cell's answer is noticed within a second, also where the wake-up for it was lost."""

from __future__ import annotations

from queue import Empty
from time import monotonic

from jupyter_client.channels import AsyncZMQSocketChannel

LONGEST = 1.0  # seconds of one wait
_wait = AsyncZMQSocketChannel.get_msg


async def get_msg(self, timeout: float | None = None) -> dict:
    """The next message, within `timeout` seconds (None: whenever it comes), in waits of at most a second.

    nbclient waits for the answer to a cell on the socket on which it also sends, while it waits, what an Output widget
    of `interact` holds. Now and then that swallows the wake-up for an answer that has come already: about one
    `interact` in twelve then took as long as a cell may take at all (nbclient 0.11 with jupyter_client 8.10;
    github.com/jupyter/nbclient/issues/312).
    """
    end = None if timeout is None else monotonic() + timeout
    while True:
        left = LONGEST if end is None else min(LONGEST, max(0.0, end - monotonic()))
        try:
            return await _wait(self, left)
        except Empty:
            if end is not None and monotonic() >= end:
                raise


def wait_in_steps() -> None:
    """Let every client of this process, and of those it forks, wait in steps."""
    AsyncZMQSocketChannel.get_msg = get_msg
