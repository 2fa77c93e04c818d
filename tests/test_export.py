"""The exported file against torch: onnxruntime must say the same as `run_stages`, stage by stage."""

import builtins
import json
import os
from collections import Counter

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from unet_edu.export import to_onnx
from unet_edu.model import UNet
from unet_edu.stages import STAGES, run_stages
from unet_edu.variants import AddUNet

modes = pytest.mark.parametrize("bilinear", [False, True])
SIZES = [(16, 16), (64, 64), (17, 31), (101, 64), (31, 31), (63, 47), (40, 16)]
# onnxruntime-web: all of these run in its WebAssembly build, on the CPU
OPS = {"Conv", "ConvTranspose", "BatchNormalization", "Relu", "MaxPool", "Resize", "Pad", "Concat"}
OPS |= {"Split", "Mul", "Shape", "Sub", "Div", "Cast"}


def network(bilinear=False, n_channels=1, n_classes=3, width=8):
    """A network whose BatchNorms have seen pictures, in train mode, as a training loop may leave it."""
    torch.manual_seed(0)
    net = UNet(n_channels, n_classes, bilinear, width)
    with torch.no_grad():
        for _ in range(20):
            net(torch.rand(4, n_channels, 48, 48))
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):  # weights 1 and biases 0 would hide a mistake
                module.weight.uniform_(0.5, 1.5)
                module.bias.uniform_(-0.3, 0.3)
    return net


def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def furthest(net, running, size, gates, seed=0):
    """The largest difference between torch and the file, over all stages."""
    image = torch.rand(1, net.n_channels, *size, generator=torch.Generator().manual_seed(seed))
    net.eval()
    with torch.no_grad():
        ours = run_stages(net, image, gates)
    theirs = running.run(None, {"image": image.numpy(), "gates": np.array(gates, dtype=np.float32)})
    assert [output.name for output in running.get_outputs()] == list(STAGES)
    assert all(ours[name].shape == map_.shape for name, map_ in zip(STAGES, theirs, strict=True))
    assert ours["logits"].std() > 0.01
    return max(np.abs(ours[name].numpy() - map_).max() for name, map_ in zip(STAGES, theirs, strict=True))


@pytest.fixture(scope="module", params=[False, True], ids=["transposed", "bilinear"])
def pair(request, tmp_path_factory):
    """A network and its file at work."""
    net = network(request.param)
    return net, session(to_onnx(net, tmp_path_factory.mktemp("onnx") / "net.onnx"))


@pytest.mark.parametrize("gates", [(1, 1, 1, 1), (0, 0, 0, 0), (0.3, 1, 0, 0.3), (0.3, 0.3, 0.3, 0.3)])
@pytest.mark.parametrize("size", SIZES)
def test_every_stage_is_torchs_at_every_size_and_gate(pair, size, gates):
    assert furthest(*pair, size, gates) < 1e-4


@settings(deadline=None, max_examples=25)
@given(
    height=st.integers(16, 90),
    width=st.integers(16, 90),
    gates=st.tuples(*[st.floats(0, 1, width=32)] * 4),
    seed=st.integers(0, 9),
)
def test_every_stage_is_torchs_whatever_the_picture(pair, height, width, gates, seed):
    assert furthest(*pair, (height, width), gates, seed) < 1e-4


@modes
def test_half_weights_are_those_of_the_rounded_network(bilinear, tmp_path):
    net = network(bilinear)
    small = to_onnx(net, tmp_path / "half.onnx", half_weights=True)
    whole = to_onnx(net, tmp_path / "whole.onnx")
    assert small.stat().st_size < 0.53 * whole.stat().st_size
    for tensor in net.state_dict().values():
        if tensor.ndim == 4:
            tensor.copy_(tensor.half())
    for size in SIZES:
        assert furthest(net, session(small), size, (1, 0.3, 0, 1)) < 1e-4


def test_the_live_networks_size_is_about_a_megabyte(tmp_path):
    assert to_onnx(network(), tmp_path / "a.onnx", half_weights=True).stat().st_size < 1_050_000


@pytest.mark.parametrize(("n_channels", "n_classes", "width"), [(3, 2, 3), (4, 7, 1)])
@modes
def test_any_channels_classes_and_width(bilinear, n_channels, n_classes, width, tmp_path):
    net = network(bilinear, n_channels, n_classes, width)
    assert furthest(net, session(to_onnx(net, tmp_path / "a.onnx")), (33, 47), (1, 1, 0.5, 1)) < 1e-4


@modes
@pytest.mark.parametrize("half", [False, True])
def test_the_file_is_legal_and_holds_only_what_the_browsers_runtime_knows(bilinear, half, tmp_path):
    file = onnx.load(to_onnx(network(bilinear), tmp_path / "a.onnx", half_weights=half))
    onnx.checker.check_model(file, full_check=True)
    ops = Counter(node.op_type for node in file.graph.node)
    assert set(ops) <= OPS
    assert (ops["Conv"], ops["BatchNormalization"], ops["Pad"], ops["Concat"] - 4) == (19, 18, 4, 4)
    assert (ops["ConvTranspose"], ops["Resize"]) == ((0, 4) if bilinear else (4, 0))
    assert [(opset.domain, opset.version) for opset in file.opset_import] == [("", 17)]
    assert file.ir_version == 8
    assert {
        value.name: onnx.TensorProto.DataType.Name(value.type.tensor_type.elem_type) for value in file.graph.input
    } == {
        "image": "FLOAT",
        "gates": "FLOAT",
    }
    shapes = [[d.dim_value or d.dim_param for d in value.type.tensor_type.shape.dim] for value in file.graph.input]
    assert shapes == [[1, 1, "height", "width"], [4]]


@modes
def test_the_file_says_what_network_it_is(bilinear, tmp_path):
    net = network(bilinear, 3, 2, width=2)
    file = onnx.load(to_onnx(net, tmp_path / "a.onnx", class_names=["Grund", "Zelle é"]))
    told = {prop.key: prop.value for prop in file.metadata_props}
    assert json.loads(told.pop("class_names")) == ["Grund", "Zelle é"]
    assert told == {
        "unet_edu_format": "1",
        "width": "2",
        "n_channels": "3",
        "n_classes": "2",
        "bilinear": str(bilinear).lower(),
    }
    named = {weight.name for weight in file.graph.initializer}
    learned = {name for name in net.state_dict() if not name.endswith("num_batches_tracked")}
    assert learned <= named


@pytest.mark.parametrize(
    ("n_classes", "names"), [(3, ["background", "cell", "crystal"]), (2, ["class 0", "class 1"]), (1, ["class 0"])]
)
def test_classes_have_names_even_if_none_are_given(n_classes, names, tmp_path):
    file = onnx.load(to_onnx(network(n_classes=n_classes, width=1), tmp_path / "a.onnx"))
    assert json.loads({prop.key: prop.value for prop in file.metadata_props}["class_names"]) == names


def test_the_same_network_gives_the_same_bytes_and_is_left_as_it_was(tmp_path):
    net = network(width=2)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    one, two = (to_onnx(net, tmp_path / name).read_bytes() for name in ("a.onnx", "b.onnx"))
    assert one == two
    assert net.training
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())
    assert to_onnx(net.double(), tmp_path / "c.onnx").read_bytes() == one


def test_exporting_says_nothing_and_warns_of_nothing(tmp_path, capfd, recwarn):
    to_onnx(network(width=1), tmp_path / "a.onnx")
    assert capfd.readouterr() == ("", "")
    assert not recwarn.list


def test_a_network_without_batchnorm_is_exported_too(tmp_path):
    net = network(width=2)
    for block in [module for module in net.modules() if type(module).__name__ == "DoubleConv"]:
        block.double_conv[1], block.double_conv[4] = nn.Identity(), nn.Identity()
    assert furthest(net, session(to_onnx(net, tmp_path / "a.onnx")), (33, 47), (1, 1, 0.5, 1)) < 1e-4


# What is refused, and that nothing is left behind


def refused(error, words, model, folder, **options):
    with pytest.raises(error, match=words):
        to_onnx(model, folder / "a.onnx", **options)
    assert os.listdir(folder) == []


def test_another_network_is_refused_in_words(tmp_path):
    refused(TypeError, r"model is a Conv2d: give a unet_edu\.model\.UNet", nn.Conv2d(1, 1, 1), tmp_path)
    refused(TypeError, "model is a AddUNet: only the network as UNet builds it", AddUNet(1, 3, width=1), tmp_path)
    net = network(width=1)
    net.up2 = AddUNet(1, 3, width=1).up2
    refused(TypeError, "up2 is a AddUp: only the network as UNet builds it", net, tmp_path)


@pytest.mark.parametrize(
    "layer",
    [
        nn.GroupNorm(1, 1),
        nn.LeakyReLU(),
        nn.BatchNorm2d(1, track_running_stats=False),
        nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect"),
        nn.Conv2d(1, 1, 3, padding="same"),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_a_foreign_layer_is_refused_by_name(layer, tmp_path):
    net = network(width=1)
    net.inc.double_conv[1] = layer
    refused(TypeError, rf"inc\.double_conv\.1 is {type(layer).__name__}", net, tmp_path)


@pytest.mark.parametrize(
    ("value", "half", "words"), [(float("nan"), False, "nan or inf"), (1e5, True, "100000.*65504")]
)
def test_weights_that_no_file_should_hold_are_refused_by_name(value, half, words, tmp_path):
    net = network(width=1)
    with torch.no_grad():
        net.down3.maxpool_conv[1].double_conv[0].weight[0, 0, 0, 0] = value
    refused(ValueError, rf"down3\.maxpool_conv\.1\.double_conv\.0\.weight.*{words}", net, tmp_path, half_weights=half)


def test_wrong_class_names_are_refused(tmp_path):
    net = network(width=1)
    refused(ValueError, "2 class names for 3 classes", net, tmp_path, class_names=["a", "b"])
    refused(TypeError, "class_names 'abc': give a list of 3 words", net, tmp_path, class_names="abc")
    refused(TypeError, "give a list of 3 words", net, tmp_path, class_names=[1, 2, 3])


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(OSError, match=r"folder .*nowhere does not exist: make it first"):
        to_onnx(network(width=1), tmp_path / "nowhere" / "a.onnx")
    with pytest.raises(OSError, match=r"is a folder: name a file in it, e\.g\. .*unet\.onnx"):
        to_onnx(network(width=1), tmp_path)


def test_without_onnx_the_cure_is_named(tmp_path, monkeypatch):
    plain = builtins.__import__

    def without(name, *rest):
        if name == "onnx":
            raise ModuleNotFoundError("No module named 'onnx'")
        return plain(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    refused(ImportError, r"needs the package onnx.*pip install onnx.*unet_edu\[export\]", network(width=1), tmp_path)


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    path = to_onnx(network(width=1), tmp_path / "a.onnx")
    old = path.read_bytes()

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="No space"):
        to_onnx(network(width=2), path)
    assert path.read_bytes() == old
    assert os.listdir(tmp_path) == ["a.onnx"]
