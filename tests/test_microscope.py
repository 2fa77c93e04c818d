"""microscope: what it returns is what the block computes, in both modes, and the block does not notice."""

from copy import deepcopy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from unet_edu.activations import STAGES, microscope
from unet_edu.model import DoubleConv


@pytest.fixture
def block():
    torch.manual_seed(0)
    block = DoubleConv(2, 3, mid_channels=5)
    for module in block.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight)  # some are negative: the map is turned over
            nn.init.normal_(module.bias)
    block(torch.rand(4, 2, 9, 9))  # running statistics that are neither 0 and 1 nor the batch's
    return block


@pytest.fixture
def images():
    return torch.rand(3, 2, 7, 6, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_last_stage_is_the_output_of_the_block(block, images, mode):
    seen = microscope(block, images)
    with torch.no_grad():
        expected = block.train(mode == "train")(images)
    assert np.array_equal(seen[mode]["relu2"], expected.numpy())


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_each_stage_follows_from_the_one_before(block, images, mode):
    seen = microscope(block, images)
    x = torch.tensor(seen["input"])
    for i, (conv, bn, relu) in enumerate((STAGES[:3], STAGES[3:])):
        now = {name: torch.tensor(seen[mode][name]) for name in (conv, bn, relu)}
        torch.testing.assert_close(now[conv], F.conv2d(x, torch.tensor(seen["weight"][i]), padding=1))
        used = {key: torch.tensor(value)[:, None, None] for key, value in seen[mode]["norm"][i].items()}
        by_hand = (now[conv] - used["mean"]) / (used["var"] + seen["eps"][i]).sqrt() * used["weight"] + used["bias"]
        torch.testing.assert_close(now[bn], by_hand)
        assert torch.equal(now[relu], now[bn].clamp(min=0))
        x = now[relu]


def test_train_mode_uses_the_biased_variance_and_eval_mode_the_running_one(block, images):
    seen = microscope(block, images)
    conv, norm = seen["train"]["conv1"], seen["train"]["norm"][0]
    assert np.allclose(norm["mean"], conv.mean((0, 2, 3)), atol=1e-6)
    assert np.allclose(norm["var"], conv.var((0, 2, 3), ddof=0), atol=1e-6)
    assert not np.allclose(norm["var"], conv.var((0, 2, 3), ddof=1), atol=1e-6)
    assert np.array_equal(seen["eval"]["norm"][0]["mean"], block.double_conv[1].running_mean.numpy())
    assert np.array_equal(seen["eval"]["norm"][1]["var"], block.double_conv[4].running_var.numpy())


@pytest.mark.parametrize("training", [True, False])
def test_block_is_left_as_it_was(block, images, training):
    block.train(training)
    before = deepcopy(block.state_dict())
    microscope(block, images)
    assert block.training is training
    assert all(torch.equal(value, before[key]) for key, value in block.state_dict().items())
    assert not any(module._forward_hooks for module in block.modules())


def test_another_block_is_refused_by_name(images):
    with pytest.raises(TypeError, match=r"Sequential.*DoubleConv"):
        microscope(nn.Sequential(), images)


@pytest.mark.parametrize("shape", [(2, 7, 6), (1, 3, 7, 6)])
def test_images_of_another_shape_are_refused_with_the_shape_that_fits(block, shape):
    with pytest.raises(ValueError, match=r"\(B, 2, H, W\)"):
        microscope(block, torch.zeros(shape))
