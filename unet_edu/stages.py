"""A U-Net stage by stage, with a gate on each skip: 1 lets it through, 0 shuts it, and between them it fades.

Source: `UNet.forward`, the same ten calls in the same order.
Deviation from it: the skip is multiplied by its gate before it is concatenated. A network trained with open gates has
never met a shut one, so what a gate changes tells how much *this* network leans on that skip, not how good a network
trained without it would be.
"""

import math
from collections.abc import Sequence

from torch import Tensor

from unet_edu.model import UNet, require_image

STAGES = ("inc", "down1", "down2", "down3", "down4", "up1", "up2", "up3", "up4", "logits")  # in forward order
GATES = ("inc", "down1", "down2", "down3")  # whose map each gate scales, shallow to deep; up4, up3, up2, up1 read it


def run_stages(model: UNet, image: Tensor, gates: Sequence[float] = (1, 1, 1, 1)) -> dict[str, Tensor]:
    """What each of `STAGES` says of `image` (B, C, H, W): name -> map, in forward order.

    gates: one number 0..1 for each of `GATES`. With all at 1, "logits" is `model(image)`, bit for bit; with one at 0,
    its decoder stage reads zeros for a skip. The model is left in its mode, and gradients flow as in `model(image)`.
    Raises TypeError for another kind of network and ValueError for other gates; for the image, as `UNet` does.
    """
    require_unet(model)
    gates = require_gates(gates)
    require_image(image, model)
    return forward(model, image, gates)


def forward(model: UNet, image: Tensor, gates: Sequence[float] | Tensor) -> dict[str, Tensor]:
    """`run_stages` without its checks, and with gates that may be a tensor (4,)."""
    x1 = model.inc(image)  # (B, C, H, W)
    x2 = model.down1(x1)  # (B, 2C, H/2, W/2)
    x3 = model.down2(x2)  # (B, 4C, H/4, W/4)
    x4 = model.down3(x3)  # (B, 8C, H/8, W/8)
    x5 = model.down4(x4)  # (B, 16C, H/16, W/16)
    y1 = model.up1(x5, gates[3] * x4)  # (B, 8C, H/8, W/8)
    y2 = model.up2(y1, gates[2] * x3)  # (B, 4C, H/4, W/4)
    y3 = model.up3(y2, gates[1] * x2)  # (B, 2C, H/2, W/2)
    y4 = model.up4(y3, gates[0] * x1)  # (B, C, H, W)
    return dict(zip(STAGES, (x1, x2, x3, x4, x5, y1, y2, y3, y4, model.outc(y4)), strict=True))


def require_unet(model) -> None:
    """Raise TypeError unless `model` is a `UNet` or one of its variants."""
    if not isinstance(model, UNet):
        what = f"the class {model.__name__}, not built yet" if isinstance(model, type) else f"a {type(model).__name__}"
        raise TypeError(f"model is {what}: give a unet_edu.model.UNet, such as UNet(n_channels=1, n_classes=3)")


def require_gates(gates: Sequence[float] | Tensor) -> list[float]:
    """`gates` as four floats; raise ValueError, with the value and the range, if they are not that."""
    values = gates.tolist() if isinstance(gates, Tensor) else gates
    try:
        values = [float(value) for value in values]
    except (TypeError, ValueError) as error:
        raise ValueError(f"gates {gates!r}: give four numbers 0..1, one for the skip of each of {GATES}") from error
    if len(values) != len(GATES):
        raise ValueError(f"{len(values)} gates: give {len(GATES)}, one for the skip of each of {GATES}")
    for name, value in zip(GATES, values, strict=True):
        if not math.isfinite(value) or not 0 <= value <= 1:
            raise ValueError(f"gate {value:g} of {name}: take a number from 0 (shut) to 1 (open)")
    return values
