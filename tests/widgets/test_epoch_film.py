"""The epoch film against the metrics, on a film of made-up answers and on a short real run."""

import numpy as np
import pytest
import torch
import traitlets

from tests.widgets.driving import run_copied_code
from unet_edu.data import ToyCells, stack
from unet_edu.metrics import count, iou
from unet_edu.model import UNet
from unet_edu.train import fit, predict
from unet_edu.widgets import EpochFilm
from unet_edu.widgets.epoch_film import pack_classes

DATA = ToyCells(3, (32, 48), seed=1, held_out=True)
IMAGES, MASKS = stack(DATA)
SETTINGS = {"seed": 0, "width": 2, "n_train": 4, "size": 32, "epochs": 2, "batch_size": 2, "max_lr": 0.3}
RNG = np.random.default_rng(0)
FRAMES = np.stack([np.where(RNG.random(MASKS.shape) < share, MASKS, 0) for share in (0.1, 0.6, 0.9)])
FRAMES[1, 0, :4] = 2


def film(**traits):
    return EpochFilm(FRAMES, DATA, SETTINGS, **traits)


def shown(page):
    rows = page.locator(".unet-formula tbody tr").all()
    return [[cell.inner_text() for cell in row.locator("th, td").all()] for row in rows]


def pixels(page, which):
    data = page.evaluate(
        "(n) => { const c = document.querySelectorAll('.unet-stage canvas')[n]; "
        "return [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data] }",
        which,
    )
    return np.array(data).reshape(32, 48, 4)[..., :3]


def test_packed_classes_come_back_in_the_page(run_js):
    maps = np.random.default_rng(1).integers(0, 4, (2, 5, 7))
    back = run_js(
        """const m = await import("/epoch_film.js"), k = await import("/kit.js");
        return [...m.unpackClasses(k.decode(arg[0], Uint8Array), arg[1])];""",
        [pack_classes(maps), maps.size],
    )
    assert back == maps.flatten().tolist()


def test_a_class_that_does_not_fit_two_bits_is_refused():
    with pytest.raises(ValueError, match="class 4: a film holds classes 0 to 3"):
        pack_classes(np.array([4]))


@pytest.mark.parametrize("picture", range(3))
def test_table_of_the_page_equals_the_metrics(mount, picture):
    rows = shown(mount(film(picture=picture)))
    for epoch, (number, cell, crystal, wrong) in enumerate(rows):
        truth, answer = torch.as_tensor(MASKS[picture]), torch.as_tensor(FRAMES[epoch, picture])
        scores = iou(count(answer, truth, n_classes=3))
        assert int(number) == epoch
        for text, score in zip((cell, crystal), scores[1:], strict=True):
            assert (text == "absent") if score.isnan() else float(text) == pytest.approx(score.item(), abs=5e-4)
        assert int(wrong) == (answer != truth).sum()


@pytest.mark.parametrize("epoch", range(3))
def test_the_frame_that_is_asked_for_is_drawn(mount, epoch):
    page = mount(film(epoch=epoch, picture=1))
    assert (pixels(page, 0)[..., 0] == np.rint(IMAGES[1, 0] * 255)).all()
    for which, classes in ((1, MASKS[1]), (2, FRAMES[epoch, 1])):
        drawn = pixels(page, which)
        looks = [{tuple(colour) for colour in drawn[classes == k]} for k in range(3)]
        assert sum(map(len, looks)) == len(set.union(*looks))  # no two classes share a colour
    assert page.locator("tr[aria-current]").locator("th").inner_text() == str(epoch)


def test_the_frame_before_the_first_epoch_is_called_untrained(mount):
    page = mount(film())
    page.get_by_role("button", name="Step back: epoch").click()
    assert "Untrained" in page.locator(".unet-say").inner_text()


def test_copied_code_trains_and_prints_the_shown_iou(mount):
    torch.manual_seed(0)
    model = UNet(1, 3, width=2)
    frames = [predict(model, IMAGES)]
    settings = {"epochs": 2, "batch_size": 2, "max_lr": 0.3, "progress": False}
    fit(model, ToyCells(4, 32), **settings, on_epoch=lambda *_: frames.append(predict(model, IMAGES)))
    page = mount(EpochFilm(torch.stack(frames).numpy(), DATA, SETTINGS, epoch=2, picture=1))
    told, _ = run_copied_code(page)
    expected = iou(count(frames[2][1], torch.as_tensor(MASKS[1]), n_classes=3))
    assert told.strip() == str(expected)
    assert float(shown(page)[2][1]) == pytest.approx(expected[1].item(), abs=5e-4)


def test_frames_that_do_not_fit_are_refused_in_words():
    with pytest.raises(ValueError, match=r"frames \(2, 3, 32, 48\): expected \(epochs \+ 1, N, H, W\) with 2 epochs"):
        EpochFilm(FRAMES[:2], DATA, SETTINGS)
    with pytest.raises(traitlets.TraitError, match="epoch=3 is outside 0 to 2: not in this film"):
        film(epoch=3)
    with pytest.raises(traitlets.TraitError, match="picture=3 is outside 0 to 2"):
        film(picture=3)
