"""The live network where notebooks live: the kernel computes with the reader's own model, arrays cross both ways."""

import base64

import nbformat
import numpy as np
import pytest
import torch

from unet_edu import metrics
from unet_edu.data import ToyCells, draw, stack
from unet_edu.model import UNet
from unet_edu.stages import STAGES, run_stages

# The engine itself, whatever the widget draws around it.
CELL = """import torch
from unet_edu.model import UNet
from unet_edu.widgets.live_unet import LiveUNet
from unet_edu.widgets.base import inline

class Probe(LiveUNet):
    _esm = inline("engine.js") + "\\nexport default { render({ model }) { window.openLive = () => openEngine({ model, onInfo: (info) => { window.told = info; } }); } };"

torch.manual_seed(3)
probe = Probe(UNet(1, 3, width=8))
probe"""
OPEN = "async () => { window.engine = await openLive(); return [engine.kind, engine.info.width, engine.info.class_names]; }"
RUN = """async ([text, height, width, gates]) => {
  const image = new Float32Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
  const { stages } = await engine.run({ image, height, width, gates });
  const pack = (array) => { let text = ""; for (const byte of new Uint8Array(array.buffer)) text += String.fromCharCode(byte); return btoa(text); };
  return Object.entries(stages).map(([name, { data, shape }]) => [name, shape, pack(data)]);
}"""
MANY = """async () => {
  const picture = (seed) => Float32Array.from({ length: 4096 }, (_, i) => ((i * 37 + seed * 101) % 256) / 255);
  const answers = await Promise.all([...Array(30).keys()].map((seed) => engine.run({ image: picture(seed), height: 64, width: 64 })));
  return answers.map((answer) => answer !== null);
}"""


@pytest.fixture(scope="module")
def probed(host):
    """A notebook with the engine of a network of its own: (host, page, the same network)."""
    setup = nbformat.read(host.work / "05_conv_transpose.ipynb", 4).cells[1]
    python = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    cells = [setup, nbformat.v4.new_code_cell(CELL)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=python), host.work / "live.ipynb")
    page = host.open("live.ipynb")
    host.run_all(page)
    page.wait_for_function("window.openLive")
    assert page.evaluate(OPEN) == ["kernel", 8, ["background", "cell", "crystal"]]
    torch.manual_seed(3)
    yield host, page, UNet(1, 3, width=8).eval()
    page.close()


@pytest.mark.parametrize(("height", "width", "gates"), [(64, 64, (1, 1, 1, 1)), (17, 31, (0, 0.5, 1, 0.25))])
def test_the_kernel_answers_as_torch(probed, height, width, gates):
    _, page, model = probed
    image = draw(4, height, width)[0]
    told = page.evaluate(RUN, [base64.b64encode(image.tobytes()).decode(), height, width, list(gates)])
    with torch.no_grad():
        wanted = run_stages(model, torch.from_numpy(image)[None], gates)
    assert [name for name, _, _ in told] == list(STAGES)
    for name, shape, data in told:
        assert shape == list(wanted[name].shape[1:])
        found = np.frombuffer(base64.b64decode(data), dtype="<f4").reshape(shape)
        assert np.abs(found - wanted[name][0].numpy()).max() < 1e-4, name


def test_the_score_is_torchs(probed):
    _, page, model = probed
    images, masks = stack(ToyCells(64, seed=1, held_out=True))
    with torch.no_grad():
        wanted = metrics.iou(metrics.confusion_matrix(model(torch.from_numpy(images)), torch.from_numpy(masks)))
    assert page.evaluate("engine.score().then(({ iou }) => iou)") == pytest.approx(wanted.tolist(), abs=1e-3)


def test_stale_pictures_do_not_pile_up_in_the_kernel(probed):
    host, page, _ = probed
    host.kernel(page, "asked = []; probe.on_msg(lambda widget, content, buffers: asked.append(content['ask']))")
    assert page.evaluate(MANY) == [True, *[False] * 28, True]
    assert host.ask(page, "asked") == ["run", "run"]


def test_another_model_given_in_python_takes_over(probed):
    host, page, _ = probed
    assert host.kernel(page, "before = probe.model; probe.model = UNet(1, 2, width=4)")["error"] == ""
    page.wait_for_function("window.told?.width === 4")
    assert page.evaluate("engine.info.n_classes") == 2
    refused = host.kernel(page, "probe.model = UNet(3, 2, width=4)")["error"]
    assert refused.startswith("ValueError: model reads pictures of 3 channels, the canvas has 1")
    assert host.kernel(page, "probe.model = before")["error"] == ""
    page.wait_for_function("engine.info.width === 8")
    assert page.faults == []
    assert page.foreign == []


def test_the_widget_itself_answers_a_drawing_from_the_kernel(host):
    setup = nbformat.read(host.work / "05_conv_transpose.ipynb", 4).cells[1]
    python = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    code = "from unet_edu.widgets import LiveUNet\n\nlive = LiveUNet()\nlive"
    nbformat.write(
        nbformat.v4.new_notebook(cells=[setup, nbformat.v4.new_code_cell(code)], metadata=python),
        host.work / "draw.ipynb",
    )
    page = host.open("draw.ipynb")
    host.run_all(page)
    page.get_by_role("button", name="Start the network").click()
    page.get_by_text("Your kernel computes: a U-Net of width 8.").wait_for()
    page.wait_for_function("document.querySelector('.unet-say').innerText.includes('Answered in')")
    before = page.locator(".unet-say").inner_text()
    assert host.kernel(page, "live.skip_down2 = 0")["error"] == ""
    page.wait_for_function(
        "(before) => document.querySelector('.unet-say').innerText.split('Answered')[0] !== before.split('Answered')[0]",
        arg=before,
    )
    page.wait_for_function("!document.querySelector('.unet-held-out').innerText.includes('…')", timeout=60_000)
    assert page.locator(".unet-held-out tbody td").count() == 6
    page.close()
