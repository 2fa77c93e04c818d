"""The transposed-convolution bench: every number of ``nn.ConvTranspose2d`` under a slider, and the stamps behind it.

Source: the size formula of the torch.nn manual; Dumoulin and Visin (2016), chapter 4, for the two views.
"""

from __future__ import annotations

import traitlets

from unet_edu.shapes import conv_transpose2d_size
from unet_edu.widgets.base import Bounded, Choice, Widget, inline, style


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

    @traitlets.validate("input_size", "kernel_size", "stride", "padding", "output_padding", "dilation")
    def _legal(self, proposal):
        names = ("input_size", "kernel_size", "stride", "padding", "output_padding", "dilation")
        values = {name: getattr(self, name) for name in names} | {proposal.trait.name: proposal.value}
        try:
            conv_transpose2d_size(values.pop("input_size"), **values)
        except ValueError as error:
            raise traitlets.TraitError(
                f"{error} (set several at once inside `with bench.hold_trait_notifications():`)"
            ) from None
        return proposal.value
