"""The widgets of the book; importing them does not import torch."""

from unet_edu.widgets.conv_transpose import ConvTransposeBench
from unet_edu.widgets.question import Question

__all__ = ["ConvTransposeBench", "Question"]
