"""Tests of one module, or of one page, stay on one worker: what they share is then made once."""

import pytest


@pytest.mark.parametrize("part", ["first", "second"])
def test_the_module_is_the_group(request, worker_id, part):
    group = request.node.nodeid.rpartition("]")[2]
    assert group == ("" if worker_id == "master" else "@test_groups")
