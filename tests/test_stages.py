"""The stages against the network's own forward pass, and the gates against skips that are zeroed by hand."""

import pytest
import torch

from unet_edu.model import UNet
from unet_edu.stages import GATES, STAGES, run_stages

modes = pytest.mark.parametrize("bilinear", [False, True])
sizes = pytest.mark.parametrize("size", [(16, 16), (64, 64), (17, 31), (101, 64), (45, 33)])


def network(bilinear=False, **more):
    """A small network in which no running statistic is 0 or 1."""
    torch.manual_seed(0)
    net = UNet(2, 3, bilinear, width=3, **more)
    net(torch.rand(2, 2, 40, 56))
    return net.eval()


def picture(size, batch=2):
    return torch.rand(batch, 2, *size, generator=torch.Generator().manual_seed(1))


@modes
@sizes
@torch.no_grad()
def test_with_open_gates_the_logits_are_the_networks_bit_for_bit(bilinear, size):
    net, image = network(bilinear), picture(size)
    assert torch.equal(run_stages(net, image)["logits"], net(image))


@modes
@torch.no_grad()
def test_each_name_is_the_output_of_that_module(bilinear):
    net, image, heard = network(bilinear), picture((33, 50)), {}
    for name in STAGES:
        module = getattr(net, name.replace("logits", "outc"))
        module.register_forward_hook(lambda _, args, out, name=name: heard.setdefault(name, out.clone()))
    net(image)
    said = run_stages(net, image)
    assert tuple(said) == STAGES == tuple(heard)
    assert all(torch.equal(said[name], heard[name]) for name in STAGES)
    assert len({tuple(x.shape) for x in said.values()}) == (8 if bilinear else 5)


@modes
@pytest.mark.parametrize("shut", range(4))
@torch.no_grad()
def test_a_shut_gate_is_a_skip_of_zeros(bilinear, shut):
    net, image = network(bilinear), picture((37, 48))
    gates = [1.0] * 4
    gates[shut] = 0.0
    said = run_stages(net, image, gates)
    reader = net.get_submodule(f"up{4 - shut}")
    handle = reader.register_forward_pre_hook(lambda _, args: (args[0], torch.zeros_like(args[1])))
    by_hand = net(image)
    handle.remove()
    assert torch.equal(said["logits"], by_hand)
    assert not torch.equal(by_hand, net(image))  # so that the gate had something to shut
    plain = run_stages(net, image)
    before = STAGES[: STAGES.index(f"up{4 - shut}")]
    assert all(torch.equal(said[name], plain[name]) for name in before)
    assert said[GATES[shut]].any()  # the stage itself still speaks: only its way across is shut


@torch.no_grad()
def test_a_gate_scales_its_own_skip():
    net, image, read = network(), picture((32, 32)), {}
    for level in range(4):
        up = net.get_submodule(f"up{4 - level}")
        up.register_forward_pre_hook(lambda _, args, level=level: read.update({level: args[1].clone()}))
    gates = (0.25, 0.5, 0.75, 0.125)
    said = run_stages(net, image, gates)
    for level, gate in enumerate(gates):
        assert torch.equal(read[level], gate * said[GATES[level]])


def test_gates_may_be_a_tensor_and_gradients_flow():
    net, image = network(), picture((32, 32)).requires_grad_()
    said = run_stages(net, image, torch.tensor([1, 0.5, 0, 1]))
    assert torch.equal(said["logits"], run_stages(net, image, [1, 0.5, 0, 1])["logits"])
    said["up2"].sum().backward()
    assert image.grad.abs().sum() > 0


def test_the_networks_mode_is_left_as_it_is():
    net = network().train()
    run_stages(net, picture((32, 32)))
    assert net.training


@pytest.mark.parametrize(
    ("gates", "words"),
    [
        ((1, 1, 1), "3 gates: give 4, one for the skip of each of .*inc.*down3"),
        ((1, 1, 1, 1, 1), "5 gates"),
        ((1, 1.5, 1, 1), r"gate 1\.5 of down1: take a number from 0"),
        ((1, 1, 1, -0.1), r"gate -0\.1 of down3"),
        ((float("nan"), 1, 1, 1), "gate nan of inc"),
        ("open", "gates 'open': give four numbers"),
        (("a", "b", "c", "d"), "give four numbers"),
        (1, "gates 1: give four numbers"),
        (None, "gates None: give four numbers"),
        (torch.ones(2, 2), "give four numbers"),
    ],
)
def test_other_gates_are_refused_in_words(gates, words):
    with pytest.raises(ValueError, match=words):
        run_stages(network(), picture((16, 16)), gates)


def test_another_network_and_another_image_are_refused_in_words():
    with pytest.raises(TypeError, match=r"model is a Conv2d: give a unet_edu\.model\.UNet"):
        run_stages(torch.nn.Conv2d(1, 1, 1), picture((16, 16)))
    with pytest.raises(TypeError, match="the class UNet, not built yet"):
        run_stages(UNet, picture((16, 16)))
    with pytest.raises(ValueError, match="width 15: four poolings"):
        run_stages(network(), picture((16, 15)))
