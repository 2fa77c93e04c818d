"""Waiting for a kernel's answer: a lost wake-up costs a second, not all the time that a cell may take."""

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from queue import Empty
from time import perf_counter

import pytest
import short_waits
import unet_book
from jupyter_client.channels import AsyncZMQSocketChannel


def run(coroutine):
    """asyncio.run() in a thread of its own: Playwright keeps a loop running in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


class Deaf:
    """A channel whose poll never wakes early: what has come is found when the wait is over."""

    def __init__(self, arrives):
        self.socket, self.polls, self.arrives, self.start = self, [], arrives, perf_counter()

    async def poll(self, milliseconds):
        self.polls.append(milliseconds)
        await asyncio.sleep(milliseconds / 1000)
        return perf_counter() - self.start >= self.arrives

    async def _recv(self):
        return {"content": "answer"}


@pytest.mark.parametrize("timeout", [30, None])
def test_an_answer_whose_wake_up_was_lost_is_found_within_a_second(timeout):
    channel = Deaf(arrives=0.1)
    assert run(short_waits.get_msg(channel, timeout)) == {"content": "answer"}
    assert perf_counter() - channel.start < 5
    assert channel.polls == [1000]


def test_an_answer_that_takes_several_waits_is_found(monkeypatch):
    monkeypatch.setattr(short_waits, "LONGEST", 0.02)
    channel = Deaf(arrives=0.1)
    assert run(short_waits.get_msg(channel, 30)) == {"content": "answer"}
    assert len(channel.polls) > 2


def test_no_answer_in_time_is_told_as_before(monkeypatch):
    monkeypatch.setattr(short_waits, "LONGEST", 0.02)
    channel = Deaf(arrives=60)
    with pytest.raises(Empty):
        run(short_waits.get_msg(channel, 0.1))
    assert 0.1 <= perf_counter() - channel.start < 5
    assert sum(channel.polls) <= 101


def test_the_build_waits_in_steps(monkeypatch):
    class App:
        def __getattr__(self, name):
            return lambda *args, **kwargs: None

    monkeypatch.setenv("PYTHONPATH", "")  # what setup() changes is put back
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(AsyncZMQSocketChannel, "get_msg", short_waits._wait)
    unet_book.setup(App())
    assert AsyncZMQSocketChannel.get_msg is short_waits.get_msg
