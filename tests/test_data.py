"""The toy pictures: the same everywhere, in the promised shapes, and not to be solved by a threshold."""

import hashlib
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from unet_edu.data import CLASSES, PER_SET, ToyCells, draw, stack


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**40), st.integers(16, 90), st.integers(16, 90))
def test_any_size_from_16_has_the_promised_shape_dtype_and_range(seed, height, width):
    image, mask = draw(seed, height, width)
    assert image.shape == (1, height, width)
    assert image.dtype == np.float32
    assert mask.shape == (height, width)
    assert mask.dtype == np.int64
    assert image.min() >= 0
    assert image.max() <= 1
    assert set(np.unique(mask)) <= set(range(len(CLASSES)))
    assert mask.any(), "no object on the picture"
    np.testing.assert_array_equal(image, np.round(image * 255).astype(np.float32) / np.float32(255))  # an 8-bit camera


@pytest.mark.parametrize(
    ("seed", "height", "width", "digest"),
    [(0, 64, 64, "bac2aff5ceac21d8"), (7, 16, 16, "6b41cb3177036b6a"), (12345, 37, 90, "ce051b98a81f7bff")],
)
def test_same_seed_gives_the_same_picture_on_every_machine(seed, height, width, digest):
    image, mask = draw(seed, height, width)
    levels = np.round(image * 255).astype(np.uint8)
    assert hashlib.sha256(levels.tobytes() + mask.astype(np.uint8).tobytes()).hexdigest()[:16] == digest


def test_another_seed_gives_another_picture():
    assert not np.array_equal(draw(0)[0], draw(1)[0])


def test_noise_zero_removes_the_grain_but_not_the_objects():
    (clean, mask), (noisy, same) = draw(3, noise=0.0), draw(3, noise=0.1)
    assert np.array_equal(mask, same)
    assert 0.06 < (noisy - clean).std() < 0.14  # the standard deviation at middle grey, where most pixels are


def test_training_and_held_out_sets_share_no_seed():
    sets = [ToyCells(500, seed=s, held_out=h) for s in (0, 1, 2) for h in (False, True)]
    seeds = [d.picture_seed(i) for d in sets for i in range(len(d))]
    assert len(set(seeds)) == len(seeds)
    last, first = ToyCells(PER_SET, seed=0).picture_seed(-1), ToyCells(1, seed=1).picture_seed(0)
    assert last < first
    train, held_out = stack(sets[0], range(40))[0], stack(sets[1], range(40))[0]
    assert len({x.tobytes() for x in [*train, *held_out]}) == 80


def test_a_set_is_a_sequence_and_items_do_not_change():
    data = ToyCells(5, size=(20, 33), seed=4)
    assert len(data) == 5
    assert len(list(data)) == 5
    image, mask = data[-1]
    assert np.array_equal(image, data[4][0])
    assert np.array_equal(mask, data[4][1])
    images, masks = stack(data, [4, 0])
    assert images.shape == (2, 1, 20, 33)
    assert masks.shape == (2, 20, 33)
    assert np.array_equal(images[0], image)
    assert np.array_equal(masks[0], mask)
    with pytest.raises(IndexError, match=r"numbered 0\.\.4"):
        data[5]


def test_a_torch_loader_takes_it_as_it_is():
    loader = torch.utils.data.DataLoader(ToyCells(5, 24), batch_size=3)
    shapes = [(tuple(x.shape), x.dtype, tuple(y.shape), y.dtype) for x, y in loader]
    assert shapes == [((n, 1, 24, 24), torch.float32, (n, 24, 24), torch.int64) for n in (3, 2)]


def test_opening_the_data_does_not_import_torch():
    code = "import sys, unet_edu.data; unet_edu.data.ToyCells(2)[0]; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_pictures_take_milliseconds():
    data = ToyCells(20)
    stack(data)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        stack(data)
        times.append((time.perf_counter() - start) / len(data))
    assert min(times) < 0.006  # 1.7 ms on an idle machine


def iou(predicted, actual):
    return (predicted & actual).sum() / (predicted | actual).sum()


def test_no_threshold_finds_the_objects():
    images, masks = stack(ToyCells(100))
    grey, objects = images[:, 0], masks > 0
    best = max(iou(side, objects) for t in np.linspace(0, 1, 101) for side in (grey > t, grey < t))
    assert best < 0.45  # all-foreground already scores 0.30


def test_no_threshold_tells_a_class_from_the_rest():
    images, masks = stack(ToyCells(100))
    grey = images[:, 0]
    for label in (1, 2):
        best = max(iou(side, masks == label) for t in np.linspace(0, 1, 101) for side in (grey > t, grey < t))
        assert best < 0.3


def test_even_with_flattened_light_no_threshold_works():
    images, masks = stack(ToyCells(60))
    flat = np.abs(images[:, 0] - np.median(images[:, 0], axis=(1, 2), keepdims=True))  # far from the background's grey
    assert max(iou(flat > t, masks > 0) for t in np.linspace(0, 0.5, 101)) < 0.5


def test_classes_are_present_in_fair_shares_and_objects_touch():
    _, masks = stack(ToyCells(200))
    shares = [(masks == c).mean() for c in range(3)]
    assert 0.55 < shares[0] < 0.8
    assert min(shares[1:]) > 0.1
    touching = ((masks[:, :, 1:] != masks[:, :, :-1]) & (masks[:, :, 1:] > 0) & (masks[:, :, :-1] > 0)).any((1, 2))
    assert touching.mean() > 0.5  # a cell and a crystal side by side, on most pictures


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: draw(-1), "seed -1.*0 or more"),
        (lambda: draw(0, 15, 64), "height 15.*16 or more"),
        (lambda: draw(0, 64, 8), "width 8.*16 or more"),
        (lambda: draw(0, 64.5), "height 64.5.*whole"),
        (lambda: draw(0, noise=-0.1), "noise -0.1.*0..1"),
        (lambda: draw(0, noise=float("nan")), "noise nan"),
        (lambda: ToyCells(0), "n 0.*1 or more"),
        (lambda: ToyCells(PER_SET + 1), "second seed"),
        (lambda: ToyCells(3, size=(64, 8)), "width 8"),
        (lambda: ToyCells(3, size=(1, 64, 64)), r"\(height, width\)"),
        (lambda: stack(ToyCells(3), []), "0 pictures"),
    ],
)
def test_bad_arguments_are_named_with_the_cure(call, words):
    with pytest.raises(ValueError, match=words):
        call()
