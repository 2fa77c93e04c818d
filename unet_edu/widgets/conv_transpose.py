"""The transposed-convolution bench: every number of ``nn.ConvTranspose2d`` under a slider, and the stamps behind it.

Source: the size formula of the torch.nn manual; Dumoulin and Visin (2016), chapter 4, for the two views.
"""

from __future__ import annotations

import numpy as np
import traitlets

from unet_edu.shapes import conv_transpose2d_size
from unet_edu.widgets.base import Bounded, Choice, Widget, inline, style

ARGUMENTS = ("kernel_size", "stride", "padding", "output_padding", "dilation")


def counting(side: int) -> np.ndarray:
    """1, 2, 3 ... in raster order, (side, side)."""
    return np.arange(1.0, side * side + 1).reshape(side, side)


def bilinear(side: int) -> np.ndarray:
    """The triangle that up-sampling by ceil(side / 2) uses, along both axes, (side, side)."""
    factor = -(-side // 2)
    line = 1 - np.abs(np.arange(side) / factor - (2 * factor - 1 - factor % 2) / (2 * factor))
    return np.outer(line, line)


class ConvTransposeBench(Widget):
    """One transposed convolution on a square input, drawn as stamps (scatter) and as a sliding kernel (gather).

    Sizes are in pixels, per axis. The bench is the same in a notebook and in the static book; the drawing and the
    arithmetic run in the page. A combination that torch refuses is explained on the page and never reaches Python.

    Raises:
        traitlets.TraitError: a value out of its range, or a combination that torch refuses.
        TypeError: an unknown argument.
    """

    _esm = inline("conv_transpose.js")
    _css = style()

    input_size = Bounded(3, 1, 8, "input size, pixels per axis")
    kernel_size = Bounded(3, 1, 6, "kernel size")
    stride = Bounded(2, 1, 4, "distance between stamps")
    padding = Bounded(1, 0, 5, "pixels cut from either end of the output")
    output_padding = Bounded(1, 0, 3, "pixels added at the far end of the output")
    dilation = Bounded(1, 1, 3, "distance between the taps of the kernel")
    input = Choice(["counting", "constant", "impulse"], "the values of the input")
    weight = Choice(["counting", "ones", "bilinear"], "the values of the kernel")
    view = Choice(["values", "overlaps"], "what the output cells show")
    row = Bounded(1, 0, 63, "output row looked at")
    column = Bounded(1, 0, 63, "output column looked at")
    stamps = Bounded(9, 0, 64, "how many input pixels have stamped so far")

    @traitlets.default("stamps")
    def _all_stamps(self):
        return self.input_size**2

    @property
    def output_size(self) -> int:
        """The size of the output, pixels per axis."""
        return conv_transpose2d_size(
            self.input_size, self.kernel_size, self.stride, self.padding, self.output_padding, self.dilation
        )

    @property
    def arguments(self) -> dict[str, int]:
        """The present arguments of `nn.ConvTranspose2d`, by name."""
        return {name: getattr(self, name) for name in ARGUMENTS}

    @property
    def maps(self) -> tuple[np.ndarray, np.ndarray]:
        """The present input (input_size, input_size) and kernel (kernel_size, kernel_size), float32."""
        n, k = self.input_size, self.kernel_size
        impulse = np.zeros((n, n))
        impulse[n // 2, n // 2] = 1
        inputs = {"counting": counting(n), "constant": np.ones((n, n)), "impulse": impulse}
        kernels = {"counting": counting(k), "ones": np.ones((k, k)), "bilinear": bilinear(k)}
        return inputs[self.input].astype(np.float32), kernels[self.weight].astype(np.float32)

    @property
    def cell(self) -> tuple[int, int]:
        """Row and column of the output cell looked at; beyond the end it is the last."""
        last = self.output_size - 1
        return min(self.row, last), min(self.column, last)

    @traitlets.validate("input_size", "kernel_size", "stride", "padding", "output_padding", "dilation")
    def _legal(self, proposal):
        values = self.arguments | {"input_size": self.input_size} | {proposal.trait.name: proposal.value}
        try:
            conv_transpose2d_size(values.pop("input_size"), **values)
        except ValueError as error:
            raise traitlets.TraitError(
                f"{error} (set several at once inside `with bench.hold_trait_notifications():`)"
            ) from None
        return proposal.value
