"""The package behind *Inside the U-Net*: a network to read, its size arithmetic, and widgets that move every number.

Import what you need from its module, for example ``from unet_edu.model import UNet``;
importing the package itself is free.
"""

__version__ = "0.1.0"
