"""A widget that asks a network: in the reader's browser on a page without a kernel, in the kernel in a notebook.

On a page without a kernel `engine.js` answers. In a notebook this class does, with a network of the reader's own, and
answers the same questions: they come as custom messages, arrays travel beside them as bytes.
"""

from __future__ import annotations

import time
from functools import cache

import numpy as np

from unet_edu.data import CLASSES, SCORED, ToyCells, stack
from unet_edu.widgets.base import Widget

SIDES = (16, 512)


class LiveNetwork(Widget):
    """A widget that asks a network: the reader's browser computes on a page, this kernel in a notebook.

    Args:
        model: a `unet_edu.model.UNet(n_channels=1, ...)`; None stands for `unet_edu.pretrained()`. It
            answers in eval mode, wherever its weights are, and is left in the mode it was in. Assign to `.model` to
            put another one in its place.

    Raises:
        TypeError: an unknown argument, or a model that is no UNet.
        ValueError: a network that reads pictures of more than one channel, or knows other than 2 or 3 classes.
    """

    def __init__(self, model=None, **traits):
        self._model = None if model is None else checked(model)
        super().__init__(**traits)
        self.on_msg(self._heard)

    @property
    def model(self):
        """The network that answers; the trained one of this package is loaded when it is first needed."""
        if self._model is None:
            from unet_edu import pretrained

            self._model = checked(pretrained())
        return self._model

    @model.setter
    def model(self, model):
        self._model = None if model is None else checked(model)
        self.send({"unet": "changed", "info": self.info()})

    def info(self) -> dict:
        """What the page says of the network: width, n_channels, n_classes, class_names, bilinear."""
        known, n = self.model, self.model.n_classes
        names = list(CLASSES) if n == len(CLASSES) else [f"class {i}" for i in range(n)]
        return {
            "width": known.width,
            "n_channels": known.n_channels,
            "n_classes": n,
            "class_names": names,
            "bilinear": known.bilinear,
        }

    def _heard(self, _, content, buffers):
        """Answer one question of the page: what goes wrong goes back in words, for nobody reads a kernel's log."""
        if not isinstance(content, dict) or content.get("unet") != "ask":
            return
        reply, arrays = {"unet": "answer", "id": content.get("id")}, []
        try:
            if content["ask"] == "info":
                reply["answer"] = {"info": self.info()}
            elif content["ask"] == "run":
                reply["answer"], arrays = self._run(content, buffers)
            elif content["ask"] == "fields":
                reply["answer"] = {"fields": self._fields()}
            elif content["ask"] == "score":
                reply["answer"] = {"matrix": self._matrix(content["gates"], content["first"], content["many"])}
            else:
                raise ValueError(f"{content['ask']!r} is no question to a network; ask for info, run or score")
        except Exception as error:
            reply["error"] = " ".join(str(error).split()) or type(error).__name__
        self.send(reply, arrays)

    def _run(self, content, buffers):
        from unet_edu.stages import STAGES

        height, width = content["height"], content["width"]
        image = np.frombuffer(buffers[0], dtype="<f4")
        if not all(isinstance(n, int) and SIDES[0] <= n <= SIDES[1] for n in (height, width)):
            raise ValueError(f"a picture of {height} x {width} pixels: give sides from {SIDES[0]} to {SIDES[1]}")
        if image.size != height * width:
            raise ValueError(f"{image.size} values for {height} x {width} pixels: give one for each pixel")
        start = time.perf_counter()
        stages = self._stages(image.reshape(1, 1, height, width), content["gates"])
        ms = 1000 * (time.perf_counter() - start)
        wanted = content.get("stages") or STAGES
        arrays = [np.ascontiguousarray(stages[name][0], dtype="<f4") for name in wanted]
        named = [[name, list(array.shape)] for name, array in zip(wanted, arrays, strict=True)]
        return {"stages": named, "ms": ms}, [array.tobytes() for array in arrays]

    def _fields(self) -> dict:
        """What pixels of this network do see, on the first held-out picture."""
        from unet_edu.effective import field_table

        return field_table(self.model, held_out()[0][0])

    def _stages(self, images, gates) -> dict[str, np.ndarray]:
        """Every stage's answer to float32 images (B, 1, H, W), as arrays; the network's mode is left as it was."""
        import torch

        from unet_edu.stages import run_stages

        model = self.model
        weight, was_training = next(model.parameters()), model.training
        model.eval()
        try:
            with torch.no_grad():
                given = torch.tensor(images, dtype=weight.dtype, device=weight.device)
                answered = run_stages(model, given, tuple(gates))
                return {name: stage.float().cpu().numpy() for name, stage in answered.items()}
        finally:
            model.train(was_training)

    def _matrix(self, gates, first: int, many: int) -> list[int]:
        """Counts of (true class, predicted class) over some of the held-out pictures, row by row."""
        import torch

        from unet_edu.metrics import confusion_matrix

        images, masks = held_out()
        known, n = masks.max() + 1, self.model.n_classes
        if n < known:
            raise ValueError(
                f"the held-out pictures have {known} classes, this network has {n}, so it has no score on them"
            )
        part = slice(first, first + many)
        logits = torch.from_numpy(self._stages(images[part], gates)["logits"])
        return confusion_matrix(logits, torch.from_numpy(masks[part])).flatten().tolist()


def checked(model):
    """The model, if it can answer a drawing; else an error that says what to pass."""
    from unet_edu.stages import require_unet

    require_unet(model)
    if model.n_channels != 1:
        raise ValueError(
            f"model reads pictures of {model.n_channels} channels, the canvas has 1; train a UNet(n_channels=1, ...)"
        )
    if not 2 <= model.n_classes <= len(CLASSES):
        raise ValueError(
            f"model has n_classes={model.n_classes}; the page has colours for 2 or {len(CLASSES)}, with background: "
            f"UNet(n_channels=1, n_classes={len(CLASSES)})"
        )
    return model


@cache
def held_out() -> tuple[np.ndarray, np.ndarray]:
    """Images (64, 1, 64, 64) float32 and masks (64, 64, 64) int64 that no network here was trained on."""
    return stack(ToyCells(**SCORED))
