"""A file that the reader drops on the page: their own network takes over, anything else is refused in words."""

import base64

import numpy as np
import pytest
import torch

from tests.widgets.engine.conftest import CASES, OPEN, answer, differences, expected
from unet_edu import pretrained
from unet_edu.data import draw
from unet_edu.export import to_onnx
from unet_edu.model import UNet
from unet_edu.widgets.live_unet import LiveUNet

LOAD = """async ([text, name]) => { const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  return refusal(engine.load(new File([bytes], name))); }"""
STAYS = " The network before it stays."


def load(page, data, name="mine.onnx"):
    return page.evaluate(LOAD, [base64.b64encode(data).decode(), name])


def exported(tmp_path, model) -> bytes:
    to_onnx(model, tmp_path / "a.onnx")
    return (tmp_path / "a.onnx").read_bytes()


@pytest.fixture
def own(visit):
    page = visit()
    page.evaluate(OPEN)
    return page


@pytest.mark.parametrize(
    "arguments", [{"n_classes": 3, "width": 5}, {"n_classes": 2, "bilinear": True, "width": 4}], ids=["3", "bilinear"]
)
def test_a_network_of_the_readers_own_takes_over(own, site, tmp_path, arguments):
    torch.manual_seed(5)
    model = UNet(1, **arguments).eval()
    data = exported(tmp_path, model)
    before = len(site.asked)
    assert load(own, data) == "taken"
    info = own.evaluate("engine.info")
    assert (info["width"], info["n_classes"], info["bilinear"]) == (model.width, model.n_classes, model.bilinear)
    assert len(info["class_names"]) == model.n_classes
    for height, width, gates in CASES:
        image = draw(6, height, width)[0]
        assert max(differences(answer(own, image, gates), expected(model, image, gates)).values()) < 1e-4
    assert len(site.asked) == before  # it stayed in the browser
    assert {method for method, _, _ in site.asked} == {"GET"}


def test_each_gate_makes_a_difference_and_the_one_that_torch_sees(own, tmp_path):
    model, image = pretrained(16), draw(3)[0]
    assert load(own, exported(tmp_path, model)) == "taken"
    whole = answer(own, image)["logits"]
    for i in range(4):
        gates = [1, 1, 1, 1]
        gates[i] = 0
        told = answer(own, image, gates)
        assert float(np.abs(told["logits"] - whole).max()) > 0.1, i
        assert max(differences(told, expected(model, image, gates)).values()) < 1e-4


def test_a_score_under_way_begins_again_with_the_network_that_takes_over(own, tmp_path, network):
    data = base64.b64encode(exported(tmp_path, UNet(1, 3, width=4))).decode()
    told = own.evaluate(
        """async (text) => { const score = engine.score(), bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
        await engine.load(bytes.buffer); return [await score, await engine.score()]; }""",
        data,
    )
    assert told[0] == told[1]
    assert np.asarray(told[0]["matrix"]).shape == (3, 3)


def test_other_files_are_refused_in_words_and_the_network_before_stays(own, network, tmp_path):
    import onnx

    whole = exported(tmp_path, UNet(1, 3, width=2))
    marked = UNet(1, 3, width=2)
    marked.outc.conv.bias.data[:] = 1234.5
    x, y = (onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in "xy")
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "g", [x], [y])
    opset = [onnx.helper.make_opsetid("", 17)]
    relu = onnx.helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()
    no_onnx = (
        "this is not an ONNX file. Export your network with unet_edu.export.to_onnx(model, path) and drop that file"
    )
    cases = {
        b"": "it is empty",
        b"\x89PNG\r\n\x1a\n" + bytes(2000): no_onnx,
        b"not a network at all": no_onnx,
        bytes(range(256)) * 40: no_onnx,
        whole[: len(whole) // 2]: no_onnx,
        relu: 'this is an ONNX file of another network: it has no "image", "gates", "inc"',
        whole.replace(b"down3", b"dawn3"): 'this is an ONNX file of another network: it has no "down3"',
        exported(tmp_path, UNet(3, 3, width=2)): "this network reads pictures of 3 channels; the canvas has 1",
        exported(tmp_path, marked).replace(
            np.float32(1234.5).tobytes(), np.float32("nan").tobytes()
        ): "this network answers a black picture with nan or inf: its weights are broken",
        whole.replace(b"Relu", b"Rulu"): "onnxruntime-web cannot read this file: ",
    }
    for data, words in cases.items():
        told = load(own, data, "a file.onnx")
        assert told.startswith(f"“a file.onnx” was not taken: {words}"), told
        assert told.endswith(STAYS)
    image = draw(7)[0]
    assert max(differences(answer(own, image), expected(network, image)).values()) < 1e-4


def test_a_huge_file_is_refused_before_it_is_read(own):
    told = own.evaluate(
        """async () => { const file = new File([new Uint8Array(64_000_001)], "huge.onnx"); let read = false;
        file.arrayBuffer = () => { read = true; return Promise.reject(); };
        return [await refusal(engine.load(file)), read]; }"""
    )
    assert told == ["“huge.onnx” was not taken: it has 65 MB, and 64 MB is the limit." + STAYS, False]


def test_a_file_that_the_browser_cannot_read_is_refused_in_words(own):
    told = own.evaluate(
        "refusal(engine.load(Object.assign(new File(['a'], 'gone.onnx'), { arrayBuffer: () => Promise.reject(new Error('NotReadable')) })))"
    )
    assert told == "“gone.onnx” was not taken: the browser could not read it." + STAYS


def test_in_a_notebook_the_network_comes_from_python(kernel):
    page, _ = kernel(LiveUNet(UNet(1, 3, width=2)))
    assert (
        load(page, b"any")
        == "“mine.onnx” was not taken: in a notebook, give your network to Python: LiveUNet(model)." + STAYS
    )
