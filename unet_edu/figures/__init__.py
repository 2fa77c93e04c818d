"""Every figure of the book, in one palette: matplotlib draws it once, and the page colours it for light and dark.

A figure is inline SVG whose palette colours are CSS variables (see widgets/widgets.css), so it follows
the reader's theme.
"""

from unet_edu.figures.convolution import doubled_maps, floor_cost, kernel_effects, receptive_fields, sample_positions
from unet_edu.figures.data import resized_masks, toy_preview
from unet_edu.figures.network import cost_by_stage, parameter_bars, skip_shifts
from unet_edu.figures.picture import Picture, show_source
from unet_edu.figures.style import PALETTE, figure, ink
from unet_edu.figures.training import loss_gradients, predictions_by_epoch, training_curves, worst_cases

__all__ = [
    "PALETTE",
    "Picture",
    "cost_by_stage",
    "doubled_maps",
    "figure",
    "floor_cost",
    "ink",
    "kernel_effects",
    "loss_gradients",
    "parameter_bars",
    "predictions_by_epoch",
    "receptive_fields",
    "resized_masks",
    "sample_positions",
    "show_source",
    "skip_shifts",
    "toy_preview",
    "training_curves",
    "worst_cases",
]
