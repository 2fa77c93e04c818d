"""The variants against the U-Net: what differs is the skip, and nothing else."""

import pytest
import torch

from unet_edu import variants
from unet_edu.model import UNet
from unet_edu.stages import run_stages
from unet_edu.variants import AddUNet, NoSkipUNet

both = pytest.mark.parametrize("kind", [AddUNet, NoSkipUNet])


def parameters(net):
    return sum(p.numel() for p in net.parameters())


def network(kind, width=3):
    torch.manual_seed(0)
    net = kind(1, 3, width=width)
    net(torch.rand(2, 1, 48, 48))
    return net.eval()


def test_the_counts_that_the_module_states():
    counts = [parameters(kind(1, 3, width=16)) for kind in (AddUNet, NoSkipUNet, UNet)]
    assert counts[0] == counts[1]
    assert [f"{count:,}" in variants.__doc__ for count in counts] == [True] * 3


@both
@pytest.mark.parametrize("width", [1, 3, 16])
def test_only_the_first_convolution_after_each_skip_is_smaller(kind, width):
    with torch.device("meta"):
        ours, theirs = kind(2, 4, width=width).state_dict(), UNet(2, 4, width=width).state_dict()
    assert ours.keys() == theirs.keys()
    differ = {name for name in ours if ours[name].shape != theirs[name].shape}
    assert differ == {f"up{level}.conv.double_conv.0.weight" for level in (1, 2, 3, 4)}
    assert all(2 * ours[name].shape[1] == theirs[name].shape[1] for name in differ)


@both
@pytest.mark.parametrize("size", [(16, 16), (17, 31), (64, 48), (101, 64)])
@torch.no_grad()
def test_every_size_gets_a_mask_of_its_own_size(kind, size):
    assert network(kind)(torch.rand(2, 1, *size)).shape == (2, 3, *size)


@torch.no_grad()
def test_adding_is_concatenating_under_one_kernel_for_both():
    """conv(cat(a, b)) with the kernel [w, w] is conv(a + b) with w: addition is a U-Net with its weights tied."""
    added, concatenated = network(AddUNet), network(UNet)
    tied = added.state_dict()
    for level in (1, 2, 3, 4):
        name = f"up{level}.conv.double_conv.0.weight"
        tied[name] = torch.cat([tied[name], tied[name]], dim=1)
    concatenated.load_state_dict(tied)
    image = torch.rand(2, 1, 45, 63)
    torch.testing.assert_close(added(image), concatenated(image), rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_without_skips_nothing_passes_but_through_the_bottom():
    image, net = torch.rand(1, 1, 40, 56), network(NoSkipUNet)
    assert torch.equal(run_stages(net, image, (0, 0, 0, 0))["logits"], net(image))
    net.down4.register_forward_hook(lambda _, args, out: torch.zeros_like(out))
    assert torch.equal(net(image), net(torch.rand(1, 1, 40, 56)))  # deaf to the image, once the bottom is silent
    other = network(AddUNet)
    other.down4.register_forward_hook(lambda _, args, out: torch.zeros_like(out))
    assert not torch.equal(other(image), other(torch.rand(1, 1, 40, 56)))


@both
def test_a_gradient_reaches_every_parameter(kind):
    net = kind(1, 3, width=4)
    net(torch.rand(2, 1, 35, 50)).square().mean().backward()
    assert [name for name, p in net.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


@both
def test_bad_arguments_are_refused_as_by_the_unet(kind):
    with pytest.raises(ValueError, match="width 0: must be at least 1"):
        kind(1, 3, width=0)
    with pytest.raises(TypeError, match=r"n_classes 2\.5"):
        kind(1, 2.5)
