"""The convolution bench: a window that slides over a padded image, for ``nn.Conv2d`` and ``nn.MaxPool2d``.

Source: the size formulas of the torch.nn manual; Dumoulin and Visin (2016), chapters 2 and 3.
"""

from __future__ import annotations

import traitlets

from unet_edu.shapes import conv2d_size, max_pool2d_size
from unet_edu.widgets.base import Bounded, Choice, Widget, inline, style

WINDOW = ("input_size", "kernel_size", "stride", "padding", "dilation")


class ConvBench(Widget):
    """One convolution or max-pooling of a square image: the window, the sum it makes, and the pixels it never reads.

    Sizes are in pixels, per axis. `operation="max_pool"` starts as the pooling of a U-Net: a 2 x 2 window, stride 2.
    `ceil_mode` counts for max-pooling only, `weight` for a convolution only. A combination that torch refuses is
    explained on the page and never reaches Python.

    Raises:
        traitlets.TraitError: a value out of its range, or a combination that torch refuses.
        TypeError: an unknown argument.
    """

    _esm = inline("conv.js")
    _css = style()

    operation = Choice(["conv", "max_pool"], "what the window does")
    input_size = Bounded(6, 1, 12, "input size, pixels per axis")
    kernel_size = Bounded(3, 1, 5, "kernel size")
    stride = Bounded(2, 1, 4, "how far the window moves")
    padding = Bounded(1, 0, 4, "border around the input")
    dilation = Bounded(1, 1, 3, "distance between the taps of the kernel")
    ceil_mode = traitlets.Bool(False, help="max-pooling: round the size up").tag(sync=True)
    input = Choice(["digits", "counting", "constant", "impulse", "step"], "the values of the input")
    weight = Choice(["counting", "ones", "edge"], "the values of the kernel")
    row = Bounded(1, 0, 19, "output row looked at")
    column = Bounded(1, 0, 19, "output column looked at")

    @traitlets.default("input_size")
    def _input_size(self):
        return 7 if self.operation == "max_pool" else 6

    @traitlets.default("kernel_size")
    def _kernel_size(self):
        return 2 if self.operation == "max_pool" else 3

    @traitlets.default("padding")
    def _padding(self):
        return 0 if self.operation == "max_pool" else 1

    @property
    def output_size(self) -> int:
        """The size of the output, pixels per axis."""
        return self._size({name: getattr(self, name) for name in (*WINDOW, "operation", "ceil_mode")})

    @staticmethod
    def _size(values):
        numbers = [values[name] for name in WINDOW]
        return (
            conv2d_size(*numbers) if values["operation"] == "conv" else max_pool2d_size(*numbers, values["ceil_mode"])
        )

    @traitlets.validate("operation", *WINDOW, "ceil_mode")
    def _legal(self, proposal):
        values = {name: getattr(self, name) for name in (*WINDOW, "operation", "ceil_mode")}
        try:
            self._size(values | {proposal.trait.name: proposal.value})
        except ValueError as error:
            raise traitlets.TraitError(
                f"{error} (set several at once inside `with bench.hold_trait_notifications():`)"
            ) from None
        return proposal.value
