"""Device and precision: chosen, overridable, and refused in words."""

import pytest
import torch

from unet_edu import device as dev
from unet_edu.device import own_random_state, pick_amp, pick_device

CPU, CUDA, MPS = torch.device("cpu"), torch.device("cuda"), torch.device("mps")


@pytest.mark.parametrize(("cuda", "mps", "kind"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")])
def test_the_fastest_present_is_chosen_and_a_name_overrides(monkeypatch, cuda, mps, kind):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert pick_device().type == kind
    assert pick_device("cpu").type == "cpu"
    assert pick_device(torch.device("cpu")).type == "cpu"


def test_an_absent_or_unknown_device_is_refused_with_those_present(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(ValueError, match="device 'cuda' is not present, cpu is"):
        pick_device("cuda")
    with pytest.raises(ValueError, match="device 'gpu' is unknown: use cuda, mps, cpu"):
        pick_device("gpu")


def test_half_precision_is_used_where_it_pays(monkeypatch):
    monkeypatch.setattr(dev, "has_matrix_bfloat16", lambda: True)
    assert pick_amp(CPU) is torch.bfloat16
    monkeypatch.setattr(dev, "has_matrix_bfloat16", lambda: False)
    assert pick_amp(CPU) is None
    assert pick_amp(MPS) is None
    for capability, dtype in (((7, 5), torch.float16), ((8, 0), torch.bfloat16), ((9, 0), torch.bfloat16)):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _, c=capability: c)
        assert pick_amp(CUDA) is dtype
    assert pick_amp(CPU, True) is torch.bfloat16
    assert pick_amp(CPU, torch.float16) is torch.float16
    assert pick_amp(CUDA, False) is None
    with pytest.raises(ValueError, match=r"amp torch\.float64"):
        pick_amp(CPU, torch.float64)


def test_a_torch_that_cannot_tell_has_no_matrix_bfloat16(monkeypatch):
    monkeypatch.delattr(torch.cpu, "_is_amx_tile_supported", raising=False)
    assert dev.has_matrix_bfloat16() is False


def test_the_callers_random_state_comes_back():
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    with own_random_state(CPU, 9):
        inside = torch.rand(2)
    assert torch.equal(torch.rand(2), expected)
    torch.manual_seed(9)
    assert torch.equal(torch.rand(2), inside)
