"""Listen to a network at work: record what each of its stages says, by name, and leave no trace on it.

Source: torch's forward hooks (torch.nn.Module.register_forward_hook) for stages that are modules, and its function
modes (torch.overrides.TorchFunctionMode) for the two in a U-Net that are plain calls, `F.pad` and `torch.cat`.
Deviation: each output is copied at once, since the in-place ReLU that follows a BatchNorm overwrites it.
"""

from contextlib import ExitStack, contextmanager
from copy import deepcopy

import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode

from unet_edu.model import DoubleConv

CALLS = {F.pad: "pad", torch.cat: "concat", torch.concat: "concat", torch.concatenate: "concat"}


@contextmanager
def record(model, device=None):
    """Record every stage's output while the block runs: `with record(model) as log: model(x)`.

    Yields a dict from name to tensor, in the order of the forward pass. A module without children goes by its name in
    `model.named_modules()`, as "inc.double_conv.0"; a pad or concatenation by the module that calls it, as "up1.pad"
    and "up1.concat". A second call in the same pass is kept as "name#2". Calling `model` again starts the log afresh.
    Each tensor is a detached copy with the stage's own shape and dtype, on `device` if that is given.
    What a stage saw is what the one before it said.
    """
    listener = _Listener(model, device)
    with ExitStack() as undo:
        for name, module in model.named_modules():
            listener.attach(name, module, undo)
        undo.enter_context(listener)
        yield listener.log


class _Listener(TorchFunctionMode):
    """Keeps the log, and the list of modules now at work, which tells who called `F.pad`."""

    def __init__(self, model, device):
        super().__init__()
        self.model = model
        self.device = device
        self.log = {}
        self.at_work = []

    def attach(self, name, module, undo):
        """Hook one module; `undo` will remove the hooks again."""
        is_stage = not any(module.children())

        def before(module, args):
            if module is self.model:
                self.log.clear()
            self.at_work.append((name, is_stage))

        def after(module, args, output):
            self.at_work.pop()
            if is_stage and output is not None:
                self.keep(name or type(module).__name__, output)

        undo.callback(module.register_forward_pre_hook(before).remove)
        # Called even when the forward pass fails (output is None then), so that `at_work` stays true.
        undo.callback(module.register_forward_hook(after, always_call=True).remove)

    def __torch_function__(self, function, types, args=(), kwargs=None):
        output = function(*args, **(kwargs or {}))
        if function in CALLS and self.at_work:
            name, is_stage = self.at_work[-1]
            if not is_stage:  # inside a stage, a call is part of what the stage itself says
                self.keep(f"{name}.{CALLS[function]}" if name else CALLS[function], output)
        return output

    def keep(self, name, output):
        """Copy `output` into the log under a name of its own."""
        if not torch.is_tensor(output):
            return
        count, key = 1, name
        while key in self.log:
            count += 1
            key = f"{name}#{count}"
        self.log[key] = output.detach().to(device=self.device, copy=True)


STAGES = ("conv1", "bn1", "relu1", "conv2", "bn2", "relu2")


def microscope(block, images):
    """Return all that a DoubleConv computes on one batch, in train mode and in eval mode, as NumPy arrays.

    images: (B, in_channels, H, W), floats. The answer is a dict:
    "input": the images; "weight": the two kernels, (out, in, 3, 3); "eps": of the two BatchNorms;
    "train", "eval": stage -> (B, C, H, W) for each of `STAGES`, and "norm": for each BatchNorm the four numbers per
    channel that it used, "mean", "var", "weight", "bias". Train mode uses the batch's mean and biased variance over
    B, H and W; eval mode uses the running statistics.
    A copy of `block` does the work, since a pass in train mode moves the running statistics.
    Raises TypeError for another kind of block, ValueError for images that it can't read.
    """
    if not isinstance(block, DoubleConv):
        raise TypeError(f"{type(block).__name__}: the microscope looks at a DoubleConv, e.g. net.inc of a UNet")
    block = deepcopy(block)
    conv1, bn1, _, conv2, bn2, _ = block.double_conv
    images = torch.as_tensor(images, dtype=conv1.weight.dtype, device=conv1.weight.device)
    if images.dim() != 4 or images.shape[1] != conv1.in_channels:
        raise ValueError(
            f"images {tuple(images.shape)}: this block reads (B, {conv1.in_channels}, H, W); add an axis or a channel"
        )

    def plain(tensor):
        return tensor.detach().cpu().numpy().copy()

    seen = {"input": plain(images), "weight": [plain(conv1.weight), plain(conv2.weight)], "eps": [bn1.eps, bn2.eps]}
    for mode in ("eval", "train"):  # eval first: the pass in train mode will move the running statistics
        used = [(bn.running_mean.clone(), bn.running_var.clone()) for bn in (bn1, bn2)]
        with torch.no_grad(), record(block.train(mode == "train")) as log:
            block(images)
        stages = dict(zip(STAGES, log.values(), strict=True))
        if mode == "train":
            used = [(x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)) for x in (stages["conv1"], stages["conv2"])]
        seen[mode] = {name: plain(stage) for name, stage in stages.items()}
        seen[mode]["norm"] = [
            {"mean": plain(mean), "var": plain(var), "weight": plain(bn.weight), "bias": plain(bn.bias)}
            for bn, (mean, var) in zip((bn1, bn2), used, strict=True)
        ]
    return seen
