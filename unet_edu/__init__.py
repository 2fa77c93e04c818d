"""The package behind *Inside the U-Net*: a network to read, its size arithmetic, and widgets that move every number.

Import what you need from its module, for example ``from unet_edu.model import UNet``;
importing the package itself is free. ``unet_edu.pretrained()`` gives a trained network.
"""

__version__ = "0.1.0"


def pretrained(width: int = 8):
    """A trained U-Net, from the package itself: see `unet_edu.weights.pretrained`."""
    from unet_edu import weights  # here, since it imports torch

    return weights.pretrained(width)
