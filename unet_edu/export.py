"""A U-Net as an ONNX file: it then runs without Python, in a browser for example, and still tells what each stage says.

Source: the ONNX operator reference, operator set 17, https://onnx.ai/onnx/operators/.
Deviation from `torch.onnx.export`: the graph is written out here, layer by layer. That exporter works too, but it
prints and warns, takes ten seconds, notes in the file where on the machine the code lay, and gives another file with
each version of torch. This one gives the same bytes everywhere, at once, with torch's own names for the weights.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from unet_edu.data import CLASSES, SCORED, ToyCells, stack
from unet_edu.files import check_folder, whole_file
from unet_edu.model import Down, OutConv, UNet, Up
from unet_edu.onnx_graph import Graph
from unet_edu.stages import GATES, STAGES, require_unet
from unet_edu.weights import pretrained

FORMAT = "1"  # in the file as unet_edu_format; the number grows when older readers would misread a file
HELD_OUT_MAGIC = b"unet-edu"


def to_onnx(model: UNet, path, half_weights: bool = False, class_names: Sequence[str] | None = None) -> Path:
    """Write `model`, as it is in eval mode, to the ONNX file `path`; return the path.

    Inputs: `image` (1, n_channels, H, W) float32, H and W free from 16 pixels on, odd sizes too; `gates` (4,) float32,
    0..1, one for the skip of each of `stages.GATES`. Outputs: each of `stages.STAGES`, float32, as `run_stages` gives.
    The file's metadata hold, as strings: unet_edu_format, width, n_channels, n_classes, bilinear ("true" or "false")
    and class_names (a JSON list; unless given, `data.CLASSES` for three classes, else "class 0", "class 1", ...).
    half_weights: convolution kernels are stored in float16, about half the size, and computed with in float32.
    The file is written whole or not at all; the model is left as it is.
    Raises TypeError for another network or layer; ValueError for weights that are not finite or too large for float16,
    and for a wrong number of class names; OSError if the folder is missing; ImportError without the package onnx.
    """
    require_unet(model)
    names = require_names(class_names, model.n_classes)
    path = check_folder(path, "unet.onnx")
    graph = Graph(half_weights)
    write_stages(graph, model)
    inputs = {"image": [1, model.n_channels, "height", "width"], "gates": [len(GATES)]}
    metadata = {
        "unet_edu_format": FORMAT,
        "width": str(model.width),
        "n_channels": str(model.n_channels),
        "n_classes": str(model.n_classes),
        "bilinear": json.dumps(model.bilinear),
        "class_names": json.dumps(names, ensure_ascii=False),
    }
    content = graph.finish(inputs, list(STAGES), metadata)
    with whole_file(path) as file:
        file.write(content)
    return path


def write_stages(graph: Graph, model: UNet) -> None:
    """The forward pass of `stages.run_stages`, call by call."""
    graph.expect("model", model, UNet)
    gates = graph.add("Split", ["gates"], [f"gate.{name}" for name in GATES], axis=0)  # 4 x (1,)
    maps = {"inc": graph.double_conv("inc", model.inc, "image", "inc")}
    for above, name in zip(STAGES, ("down1", "down2", "down3", "down4"), strict=False):
        pool, block = graph.expect(name, getattr(model, name), Down).maxpool_conv
        x = graph.layer(f"{name}.maxpool_conv.0", pool, maps[above])
        maps[name] = graph.double_conv(f"{name}.maxpool_conv.1", block, x, name)
    x = maps["down4"]
    for level, name in zip((3, 2, 1, 0), ("up1", "up2", "up3", "up4"), strict=True):
        up = graph.expect(name, getattr(model, name), Up)
        skip = graph.add("Mul", [gates[level], maps[GATES[level]]], f"{name}.skip")
        x = graph.layer(f"{name}.up", up.up, x)
        x = graph.pad_to(name, x, skip)
        x = graph.add("Concat", [skip, x], f"{name}.concat", axis=1)
        x = graph.double_conv(f"{name}.conv", up.conv, x, name)
    graph.layer("outc.conv", graph.expect("outc", model.outc, OutConv).conv, x, "logits")


def live_files(folder) -> list[Path]:
    """Write what the live network of the book needs into `folder`; return the paths, unet.onnx and held_out.bin.

    unet.onnx: `pretrained(8)` with half weights. held_out.bin: `held_out_bytes()`. The same bytes each time.
    Raises as `to_onnx` does.
    """
    folder = Path(folder)
    network = to_onnx(pretrained(8), folder / "unet.onnx", half_weights=True)
    pictures = check_folder(folder / "held_out.bin", "held_out.bin")
    with whole_file(pictures) as file:
        file.write(held_out_bytes())
    return [network, pictures]


def held_out_bytes(n: int = 64) -> bytes:
    """The first `n` of `ToyCells(**SCORED)` in a few plain bytes, for a page to read.

    8 bytes "unet-edu"; four little-endian uint32: n, height, width, number of classes; n * height * width bytes of
    image, 0..255, of which the network reads a 255th; as many bytes of mask, class numbers.
    """
    images, masks = stack(ToyCells(**(SCORED | {"n": n})))
    header = HELD_OUT_MAGIC + np.array([*masks.shape, len(CLASSES)], dtype="<u4").tobytes()
    grey = np.rint(images[:, 0] * 255).astype(np.uint8)  # exact: the camera of `data.draw` has 256 levels
    return header + grey.tobytes() + masks.astype(np.uint8).tobytes()


def require_names(class_names: Sequence[str] | None, n_classes: int) -> list[str]:
    """One name per class, made up unless given; ValueError for another number of them, TypeError for other things."""
    if class_names is None:
        return list(CLASSES) if n_classes == len(CLASSES) else [f"class {i}" for i in range(n_classes)]
    if isinstance(class_names, str) or not all(isinstance(name, str) for name in class_names):
        raise TypeError(f"class_names {class_names!r}: give a list of {n_classes} words")
    if len(class_names) != n_classes:
        raise ValueError(f"{len(class_names)} class names for {n_classes} classes: give one per class")
    return list(class_names)
