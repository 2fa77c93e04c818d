"""A bound in seconds holds on a quiet machine and grows where the machine is slow."""

import pytest

from tests import yardstick


@pytest.mark.parametrize(("slow", "share"), [(1.0, 1.5), (2.0, 0.75)])
def test_a_share_is_of_the_limit_times_the_slowness(monkeypatch, slow, share):
    monkeypatch.setattr(yardstick, "slowness", lambda: slow)
    assert yardstick.best_share(20, lambda: 30, tries=1) == share


def test_the_first_try_within_the_limit_is_the_last(monkeypatch):
    monkeypatch.setattr(yardstick, "slowness", lambda: 1.0)
    took = iter([30, 10, 1])
    assert yardstick.best_share(20, lambda: next(took), tries=3) == 0.5
    assert next(took) == 1


def test_a_fast_machine_gets_no_less_than_the_limit(monkeypatch):
    monkeypatch.setattr(yardstick, "LOOP", "print(0.0)")
    assert yardstick.slowness() == 1.0
    monkeypatch.setattr(yardstick, "LOOP", f"print({3 * yardstick.QUIET})")
    assert yardstick.slowness() == pytest.approx(3)
