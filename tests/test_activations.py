"""activations.py: the log holds what each stage really said, and the network is left as it was."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from unet_edu.activations import record
from unet_edu.model import DoubleConv, UNet, Up


@pytest.fixture
def net():
    torch.manual_seed(0)
    return UNet(3, 2, width=2).eval()


@pytest.fixture
def image():
    return torch.rand(1, 3, 19, 34, generator=torch.Generator().manual_seed(1))


def hooks(model):
    """How many hooks of any kind hang on `model` and its parts."""
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_forward_hooks_always_called", "_forward_hooks_with_kwargs")
    return sum(len(getattr(module, kind)) for module in model.modules() for kind in kinds)


def expected_names(bilinear=False):
    block = [f"double_conv.{i}" for i in range(6)]
    names = [f"inc.{stage}" for stage in block]
    for level in range(1, 5):
        names += [f"down{level}.maxpool_conv.0", *(f"down{level}.maxpool_conv.1.{stage}" for stage in block)]
    for level in range(1, 5):
        names += [f"up{level}.{stage}" for stage in ("up", "pad", "concat", *(f"conv.{stage}" for stage in block))]
    return [*names, "outc.conv"]


@pytest.mark.parametrize("bilinear", [False, True])
def test_every_stage_is_named_in_the_order_of_the_forward_pass(bilinear, image):
    model = UNet(3, 2, bilinear, width=1).eval()
    with record(model) as log:
        model(image)
    assert list(log) == expected_names()


def test_each_stage_says_what_it_makes_of_the_one_before(net, image):
    with torch.no_grad(), record(net) as log:
        logits = net(image)
    conv, norm, relu = (log[f"inc.double_conv.{i}"] for i in range(3))
    assert torch.equal(conv, net.inc.double_conv[0](image))
    assert torch.equal(norm, net.inc.double_conv[1](conv))
    assert torch.equal(relu, norm.clamp(min=0))
    assert torch.equal(log["down1.maxpool_conv.0"], F.max_pool2d(log["inc.double_conv.5"], 2))
    assert torch.equal(log["up4.up"], net.up4.up(log["up3.conv.double_conv.5"]))
    assert torch.equal(log["up4.pad"], F.pad(log["up4.up"], [0, 0, 0, 1]))
    assert torch.equal(log["up4.concat"], torch.cat([log["inc.double_conv.5"], log["up4.pad"]], dim=1))
    assert torch.equal(log["outc.conv"], logits)


def test_the_relu_in_place_does_not_overwrite_what_batchnorm_said(net, image):
    with record(net) as log:
        net(image)
    assert log["inc.double_conv.1"].min() < 0
    assert log["inc.double_conv.2"].min() == 0


def test_recording_changes_neither_result_nor_gradient(image):
    results = []
    for recording in (False, True):
        torch.manual_seed(0)
        model = UNet(3, 2, width=2).train()
        if recording:
            with record(model):
                out = model(image.expand(2, -1, -1, -1))
        else:
            out = model(image.expand(2, -1, -1, -1))
        out.square().sum().backward()
        results.append([out, *(p.grad for p in model.parameters()), *model.state_dict().values()])
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_the_log_is_detached_and_its_own_copy(net, image):
    with record(net) as log:
        out = net(image)
    assert out.requires_grad
    assert not any(tensor.requires_grad for tensor in log.values())
    before = log["outc.conv"].clone()
    out.detach().zero_()
    assert torch.equal(log["outc.conv"], before)


def test_the_copies_go_to_the_device_that_is_asked_for(net, image):
    with record(net, device="meta") as log:
        net(image)
    assert {tensor.device.type for tensor in log.values()} == {"meta"}


def test_no_hook_is_left_behind(net, image):
    with record(net):
        assert hooks(net) > 0
        net(image)
    assert hooks(net) == 0


def test_no_hook_is_left_behind_after_an_exception(net, image):
    with pytest.raises(ValueError, match="width 8"), record(net):
        net(image[..., :8])
    assert hooks(net) == 0
    with pytest.raises(KeyError), record(net) as log:
        log["no such stage"]
    assert hooks(net) == 0
    net(image)
    assert log == {}


def test_a_pass_that_fails_half_way_does_not_spoil_the_next(net, image):
    def fail(module, args):
        raise RuntimeError("half way")

    with record(net) as log:
        handle = net.up2.conv.register_forward_pre_hook(fail)
        with pytest.raises(RuntimeError, match="half way"):
            net(image)
        assert list(log)[-1] == "up2.concat"
        handle.remove()
        torch.cat([image, image])  # nobody is at work now: this belongs to no stage
        assert list(log)[-1] == "up2.concat"
        net(image)
        assert list(log) == expected_names()


def test_a_new_pass_starts_the_log_afresh(net, image):
    with record(net) as log:
        net(image)
        net(image[..., :20])
    assert list(log) == expected_names()
    assert log["outc.conv"].shape[3] == 20


def test_parts_may_be_called_one_by_one(net, image):
    with record(net) as log:
        x1 = net.inc(image)
        net.down1(x1)
    assert next(iter(log)) == "inc.double_conv.0"
    assert list(log)[-1] == "down1.maxpool_conv.1.double_conv.5"


def test_recordings_nest_and_repeat(net, image):
    with record(net) as outer:
        with record(net.up4) as inner, record(net) as same:
            net(image)
        net(image)
    assert list(outer) == list(same) == expected_names()
    assert list(inner) == [name.removeprefix("up4.") for name in expected_names() if name.startswith("up4.")]
    with record(net) as again:
        net(image)
    assert all(torch.equal(again[name], outer[name]) for name in outer)


def test_parts_of_a_network_can_be_recorded_alone():
    block, x = DoubleConv(3, 2), torch.rand(2, 3, 8, 8)
    with record(block) as log:
        block(x)
    assert list(log) == [f"double_conv.{i}" for i in range(6)]
    up = Up(4, 2)
    with record(up) as log:
        up(torch.rand(2, 4, 3, 3), torch.rand(2, 2, 7, 6))
    assert list(log)[:3] == ["up", "pad", "concat"]
    with record(nn.ReLU(inplace=True)) as log:
        nn.ReLU()(x)
    assert log == {}
    relu = nn.ReLU()
    with record(relu) as log:
        relu(x)
    assert list(log) == ["ReLU"]


def test_a_stage_that_speaks_twice_is_kept_twice():
    relu = nn.ReLU()
    model = nn.Sequential(relu, nn.Conv2d(1, 1, 1), relu)
    with record(model) as log:
        model(torch.ones(1, 1, 2, 2))
    assert list(log) == ["0", "1", "0#2"]


def test_other_networks_and_the_inside_of_a_stage_are_not_heard(net, image):
    reflecting = nn.Sequential(nn.Conv2d(3, 1, 3, padding=1, padding_mode="reflect"))  # calls F.pad inside
    with record(reflecting) as log:
        reflecting(image)
        net(image)
    assert list(log) == ["0"]
