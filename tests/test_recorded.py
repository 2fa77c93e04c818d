"""What is recorded for browsers that cannot run the network, against the network."""

import base64
import json

import numpy as np
import pytest
import torch

from unet_edu import pretrained
from unet_edu.data import SCORED, ToyCells, stack
from unet_edu.model import UNet
from unet_edu.recorded import PICTURES, START, recorded
from unet_edu.stages import STAGES, run_stages
from unet_edu.train import evaluate
from unet_edu.widgets.scene_canvas import TOYS


@pytest.fixture(scope="module")
def model():
    return pretrained()


@pytest.fixture(scope="module")
def told(model):
    return json.loads(json.dumps(recorded(model)))


@pytest.fixture(scope="module")
def answers(model):
    toys, _ = stack(ToyCells(**SCORED), range(PICTURES))
    start = np.frombuffer(START.read_bytes(), np.uint8).reshape(1, 1, 64, 64) / np.float32(255)
    images = np.concatenate([start, toys])
    with torch.no_grad():
        return run_stages(model, torch.from_numpy(images))


def test_the_pictures_are_those_that_the_canvas_offers():
    assert PICTURES == TOYS


def levels(text, shape):
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(shape)


def test_masks_are_the_networks_and_probabilities_are_within_half_a_step(told, answers):
    assert len(told["pictures"]) == 1 + PICTURES
    for picture, logits in zip(told["pictures"], answers["logits"], strict=True):
        np.testing.assert_array_equal(levels(picture["mask"], (64, 64)), logits.argmax(dim=0))
        off = levels(picture["probabilities"], (3, 64, 64)) / 255 - logits.softmax(dim=0).numpy()
        assert np.abs(off).max() <= 0.5 / 255 + 1e-6


def test_the_first_picture_has_all_stages_within_half_a_level(told, answers):
    stages = told["pictures"][0]["stages"]
    assert [stage["name"] for stage in stages] == list(STAGES)
    for stage in stages:
        true = answers[stage["name"]][0].numpy()
        assert stage["shape"] == list(true.shape)
        off = stage["low"] + stage["step"] * levels(stage["data"], true.shape) - true
        assert np.abs(off).max() <= 0.501 * stage["step"]
        assert stage["step"] == pytest.approx((true.max() - true.min()) / 255, rel=1e-5)
    assert all("stages" not in picture for picture in told["pictures"][1:])


def test_the_gradients_are_those_of_every_stage(told):
    assert list(told["fields"]["stages"]) == list(STAGES)


def test_the_score_is_the_one_that_evaluate_gives(told, model):
    scores = evaluate(model, ToyCells(**SCORED), amp=False)
    assert told["score"]["iou"] == pytest.approx(list(scores.iou))
    assert told["score"]["mean_iou"] == pytest.approx(scores.mean_iou)


def test_a_map_that_is_the_same_everywhere_is_kept():
    model = UNet(1, 3, width=2).eval()
    with torch.no_grad():
        model.outc.conv.weight.zero_()
        model.outc.conv.bias.fill_(0.25)
    stage = recorded(model)["pictures"][0]["stages"][-1]
    assert (stage["low"], set(levels(stage["data"], -1))) == (0.25, {0})


def test_a_network_in_train_mode_is_refused():
    with pytest.raises(ValueError, match=r"train mode.*model\.eval\(\)"):
        recorded(UNet(1, 3, width=2))
