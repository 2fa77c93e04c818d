"""effective.py: the input gradient against finite differences, the theory that bounds it, and what the page stores of it."""

import base64
import gzip
import json
from copy import deepcopy

import numpy as np
import pytest
import torch

from unet_edu.data import draw
from unet_edu.effective import STEPS, central_share, effective_field, field_table, held_by, positions
from unet_edu.model import UNet
from unet_edu.receptive import STAGES, receptive_field, stage_size
from unet_edu.stages import run_stages

IMAGE = draw(11)[0]


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    net = UNet(1, 3, width=4)
    net(torch.stack([torch.as_tensor(draw(seed)[0]) for seed in range(4)]))  # running statistics of real pictures
    return net.eval()


@pytest.mark.parametrize("stage", STAGES)
def test_nothing_is_seen_outside_the_theoretical_field(net, stage):
    size = stage_size(stage, 64)
    for row, col in ((0, size - 1), (size // 2, size // 2)):
        field = effective_field(net, IMAGE, stage, row, col)
        down, across = receptive_field(stage, row, 64), receptive_field(stage, col, 64)
        inside = field[down.first : down.last + 1, across.first : across.last + 1].sum()
        assert field.shape == (64, 64)
        assert field.sum() == inside > 0


@pytest.mark.parametrize(("stage", "row", "col"), [("down2", 8, 7), ("up3", 20, 11), ("logits", 40, 33)])
@pytest.mark.parametrize("channel", [None, 1])
def test_it_is_the_change_that_a_nudged_input_pixel_makes(net, stage, row, col, channel):
    net = deepcopy(net).double()
    field = effective_field(net, IMAGE, stage, row, col, channel)
    net_part = net.outc if stage == "logits" else getattr(net, stage)
    strongest = np.argsort(field, axis=None)[-3:]
    for at in strongest:
        y, x = divmod(int(at), 64)
        said = []
        handle = net_part.register_forward_hook(lambda module, inputs, output, said=said: said.append(output))
        for nudge in (1e-6, -1e-6):
            image = torch.as_tensor(IMAGE).double()[None].clone()
            image[0, 0, y, x] += nudge
            with torch.no_grad():
                net(image)
        handle.remove()
        pixels = [output[0, :, row, col] if channel is None else output[0, channel, row, col] for output in said]
        slope = (pixels[0].sum() - pixels[1].sum()).abs().item() / 2e-6
        assert field[y, x] == pytest.approx(slope, rel=1e-3)


def test_the_network_keeps_its_mode_its_gradients_and_its_statistics(net):
    net.train()
    net.inc.eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    effective_field(net, IMAGE, "up1", 3, 3)
    assert net.training
    assert not net.inc.training
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())
    net.eval()


def test_how_few_pixels_hold_a_share():
    field = np.zeros((10, 10))
    field[3, :9] = 1
    field[5, 5] = 1
    assert held_by(field) == 9
    assert held_by(field, 0.91) == 10
    assert held_by(np.zeros((3, 3))) == 0
    assert held_by(np.ones((10, 10))) == 90
    with pytest.raises(ValueError, match="share 90: take a part of the whole"):
        held_by(field, 90)


def test_the_middle_third_of_an_even_map_holds_a_ninth():
    assert central_share(np.ones((9, 9)), (0, 8), (0, 8)) == pytest.approx(1 / 9)
    assert central_share(np.ones((3, 3)), (-5, 3), (-5, 3)) == pytest.approx(1 / 9)  # a box that reaches beyond the map
    assert central_share(np.zeros((9, 9)), (0, 8), (0, 8)) == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("inc", 64, 0), "row 64: inc has 64 at this image, numbered 0 to 63"),
        (("down4", 0, -1), "col -1: down4 has 4 at this image"),
        (("logits", 0, 0, 3), "channel 3: logits has 3, numbered 0 to 2"),
        (("outc", 0, 0), "stage 'outc': must be one of"),
    ],
)
def test_a_pixel_that_is_not_there_is_refused_in_words(net, arguments, words):
    with pytest.raises(ValueError, match=words):
        effective_field(net, IMAGE, *arguments)


def unpacked(table, stage):
    """The stored maps of a stage as full pictures, in parts of their maximum."""
    told, start = table["stages"][stage], 0
    levels = np.frombuffer(base64.b64decode(told["maps"]), np.uint8)
    for row, col, rows, cols, block in told["boxes"]:
        blocks = np.zeros((-(-table["height"] // block), -(-table["width"] // block)))
        blocks[row : row + rows, col : col + cols] = levels[start : start + rows * cols].reshape(rows, cols)
        start += rows * cols
        yield blocks.repeat(block, 0).repeat(block, 1)[: table["height"], : table["width"]] / table["steps"], block
    assert start == len(levels)


def test_the_table_holds_what_torch_says_to_half_a_step(net):
    table = field_table(net, IMAGE)
    assert list(table["stages"]) == list(STAGES)
    for stage, told in table["stages"].items():
        pixels = [(row, col) for row in told["rows"] for col in told["cols"]]
        assert len(pixels) == 9
        for i, ((row, col), (stored, block)) in enumerate(zip(pixels, unpacked(table, stage), strict=True)):
            won = None
            if stage == "logits":
                won = int(run_stages(net, torch.as_tensor(IMAGE)[None])[stage][0, :, row, col].argmax())
            field = effective_field(net, IMAGE, stage, row, col, won)
            assert (told["area"][i], 0 <= told["central"][i] <= 1) == (held_by(field), True)
            assert told["peak"][i] == pytest.approx(field.max(), rel=1e-2)
            blocks = field.reshape(64 // block, block, -1, block).mean((1, 3)).repeat(block, 0).repeat(block, 1)
            assert np.abs(stored - blocks / blocks.max()).max() <= 0.5 / STEPS + 1e-9, (stage, row, col)
    grey = np.frombuffer(base64.b64decode(table["image"]), np.uint8).reshape(64, 64)
    assert np.array_equal(grey / np.float32(255), IMAGE[0])


def test_the_table_is_small(net):
    text = json.dumps(field_table(net, IMAGE), separators=(",", ":")).encode()
    assert len(gzip.compress(text)) < 45_000


def test_the_positions_are_spread_over_the_map():
    assert positions(64, 3) == [10, 32, 53]
    assert positions(4, 3) == [0, 2, 3]
    assert positions(1, 3) == [0]
    assert positions(2, 3) == [0, 1]
