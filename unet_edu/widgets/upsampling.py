"""The up-sampling bench: one row of pixels doubled by interpolation or by a transposed convolution.

Source: the formulas of ``nn.Upsample`` and ``nn.ConvTranspose1d`` in the torch.nn manual.
"""

from __future__ import annotations

import traitlets

from unet_edu.widgets.base import Bounded, Choice, Widget, inline, style


class UpsamplingBench(Widget):
    """Doubling one row of pixels: where each output pixel looks in the input, and with which weights.

    One axis is enough: in two dimensions both axes do the same, one after the other. `align_corners` counts for
    `mode="bilinear"` only. The weights of the transposed convolutions are fixed: 1/4, 3/4, 3/4, 1/4 (`padding=1`),
    which is bilinear interpolation away from the edges, and 3/2, 1/2, as an example of weights that differ.

    Raises:
        traitlets.TraitError: a value out of its range.
        TypeError: an unknown argument.
    """

    _esm = inline("upsampling.js")
    _css = style()

    input_size = Bounded(4, 1, 10, "input size, pixels")
    mode = Choice(["bilinear", "nearest", "transposed_4", "transposed_2"], "how the row is doubled")
    align_corners = traitlets.Bool(True, help="bilinear: the outer pixels' centres coincide").tag(sync=True)
    input = Choice(["digits", "ramp", "constant", "impulse"], "the values of the input")
    pixel = Bounded(3, 0, 19, "output pixel looked at")
