"""An ONNX graph, written node by node from torch's own layers.

Source: the ONNX operator reference, operator set 17, https://onnx.ai/onnx/operators/.
Deviation: only the layers that `UNet` builds are known, and Identity, which may stand for one that was taken out.
"""

import torch
from torch import Tensor, nn

from unet_edu import __version__
from unet_edu.model import DoubleConv

OPSET, IR_VERSION = 17, 8  # of 2022: every later runtime reads them


class Graph:
    """Nodes and weights in the order in which they were added; values go by name."""

    def __init__(self, half: bool):
        self.onnx = require_onnx()
        self.half = half
        self.nodes, self.weights = [], []

    def add(self, op: str, inputs: list[str], output, **attributes):
        """One node; `output` is the name of its value, or a list of names. Returns `output`."""
        outputs = [output] if isinstance(output, str) else output
        name = f"{outputs[0]}:{op}"
        self.nodes.append(self.onnx.helper.make_node(op, inputs, outputs, name=name, **attributes))
        return output

    def constant(self, name: str, array) -> str:
        self.weights.append(self.onnx.numpy_helper.from_array(array, name))
        return name

    def weight(self, name: str, tensor: Tensor) -> str:
        """A weight under torch's name for it; kernels in float16 if the file has half weights, and cast back."""
        tensor = tensor.detach().to("cpu", torch.float32).contiguous()
        if not tensor.isfinite().all():
            raise ValueError(f"{name} holds nan or inf: the training has diverged; export an earlier state")
        if not self.half or tensor.ndim != 4:
            return self.constant(name, tensor.numpy())
        if not tensor.half().isfinite().all():
            raise ValueError(f"{name} holds {tensor.abs().max():g}, float16 ends at 65504: use half_weights=False")
        self.constant(name, tensor.half().numpy())
        return self.add("Cast", [name], f"{name}.float32", to=self.onnx.TensorProto.FLOAT)

    def double_conv(self, name: str, block: nn.Module, x: str, output: str) -> str:
        layers = list(self.expect(name, block, DoubleConv).double_conv)
        for i, layer in enumerate(layers):
            last = i == len(layers) - 1
            x = self.layer(f"{name}.double_conv.{i}", layer, x, output if last else None)
        return x

    def layer(self, name: str, layer: nn.Module, x: str, output: str | None = None) -> str:
        """The node of one of torch's layers; its value goes by `output`, or by `name`."""
        output, kind = output or name, type(layer)
        if kind in (nn.Conv2d, nn.ConvTranspose2d) and layer.padding_mode == "zeros" and layer.padding != "same":
            inputs = [x, self.weight(f"{name}.weight", layer.weight)]
            if layer.bias is not None:
                inputs.append(self.weight(f"{name}.bias", layer.bias))
            more = {"output_padding": layer.output_padding} if kind is nn.ConvTranspose2d else {}
            padding = (0, 0) if layer.padding == "valid" else layer.padding
            op, sizes = kind.__name__.removesuffix("2d"), {"kernel_shape": layer.kernel_size, "pads": 2 * padding}
            sizes |= {"strides": layer.stride, "dilations": layer.dilation, "group": layer.groups}
            return self.add(op, inputs, output, **sizes, **more)
        if kind is nn.BatchNorm2d and layer.affine and layer.track_running_stats:
            parts = ("weight", "bias", "running_mean", "running_var")
            inputs = [self.weight(f"{name}.{part}", getattr(layer, part)) for part in parts]
            return self.add("BatchNormalization", [x, *inputs], output, epsilon=layer.eps)
        if kind is nn.ReLU:
            return self.add("Relu", [x], output)
        if kind is nn.Identity:
            return self.add("Identity", [x], output)
        if kind is nn.MaxPool2d and str(layer) == str(nn.MaxPool2d(2)):
            return self.add("MaxPool", [x], output, kernel_shape=[2, 2], strides=[2, 2])
        if kind is nn.Upsample and layer.mode == "bilinear" and layer.scale_factor == 2:
            how = "align_corners" if layer.align_corners else "half_pixel"
            scales = self.constant(f"{name}.scales", torch.tensor([1.0, 1.0, 2.0, 2.0]).numpy())
            inputs = [x, "", scales]
            return self.add("Resize", inputs, output, mode="linear", coordinate_transformation_mode=how)
        raise TypeError(f"{name} is {layer}: the file can hold the layers that UNet builds, and Identity")

    def pad_to(self, name: str, x: str, skip: str) -> str:
        """`F.pad` as `Up` calls it, from the sizes at hand: half of what is missing before, the rest after."""
        two = self.constant(f"{name}.two", torch.tensor(2).numpy())
        sizes = [self.add("Shape", [value], f"{name}.shape.{value}") for value in (skip, x)]
        missing = self.add("Sub", sizes, f"{name}.missing")  # (4,): 0 for batch and channels, 0 or 1 for the sides
        before = self.add("Div", [missing, two], f"{name}.before")
        after = self.add("Sub", [missing, before], f"{name}.after")
        pads = self.add("Concat", [before, after], f"{name}.pads", axis=0)
        return self.add("Pad", [x, pads], f"{name}.pad")

    def expect(self, name: str, module: nn.Module, kind: type):
        if type(module) is not kind:
            raise TypeError(f"{name} is a {type(module).__name__}: only the network as UNet builds it can be exported")
        return module

    def finish(self, inputs: dict[str, list], outputs: list[str], metadata: dict[str, str]) -> bytes:
        """The file's bytes. inputs: name -> shape, whose words stand for free sizes. All values are float32."""
        helper, kind = self.onnx.helper, self.onnx.TensorProto.FLOAT
        graph = helper.make_graph(
            self.nodes,
            "unet",
            [helper.make_tensor_value_info(name, kind, shape) for name, shape in inputs.items()],
            [helper.make_tensor_value_info(name, kind, [None] * 4) for name in outputs],
            self.weights,
        )
        opsets = [helper.make_opsetid("", OPSET)]
        file = helper.make_model(graph, producer_name="unet_edu", ir_version=IR_VERSION, opset_imports=opsets)
        file.producer_version = __version__
        helper.set_model_props(file, metadata)
        return file.SerializeToString(deterministic=True)


def require_onnx():
    """The package onnx; raises ImportError, with the cure, if it is not installed."""
    try:
        import onnx
    except ImportError as error:
        cure = "run pip install onnx, or install this package as unet_edu[export]"
        raise ImportError(f"writing an ONNX file needs the package onnx, which is not installed: {cure}") from error
    return onnx
