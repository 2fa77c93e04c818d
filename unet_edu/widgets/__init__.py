"""The widgets of the book; importing them does not import torch."""

from unet_edu.widgets.conv import ConvBench
from unet_edu.widgets.conv_transpose import ConvTransposeBench
from unet_edu.widgets.double_conv import DoubleConvMicroscope
from unet_edu.widgets.live_sketch import LiveSketch
from unet_edu.widgets.live_unet import LiveUNet
from unet_edu.widgets.metrics_playground import MetricsPlayground
from unet_edu.widgets.overlap import OverlapLab
from unet_edu.widgets.question import Question
from unet_edu.widgets.skip_alignment import SkipAlignmentLab
from unet_edu.widgets.threshold import ThresholdLab
from unet_edu.widgets.training_film import TrainingFilm
from unet_edu.widgets.unet_trace import UNetTrace
from unet_edu.widgets.upsampling import UpsamplingBench

__all__ = [
    "ConvBench",
    "ConvTransposeBench",
    "DoubleConvMicroscope",
    "LiveSketch",
    "LiveUNet",
    "MetricsPlayground",
    "OverlapLab",
    "Question",
    "SkipAlignmentLab",
    "ThresholdLab",
    "TrainingFilm",
    "UNetTrace",
    "UpsamplingBench",
]
