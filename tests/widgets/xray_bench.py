"""An X-ray by itself, on recorded answers of a network: the page that its tests open."""

from copy import deepcopy
from functools import cache

import torch
import traitlets

from unet_edu.data import ToyCells
from unet_edu.effective import field_table
from unet_edu.model import UNet
from unet_edu.stages import run_stages
from unet_edu.widgets.base import Bounded, Widget, inline, pack, style
from unet_edu.widgets.xray import XRay

RENDER = """
const BENCH_GATES = ["gate0", "gate1", "gate2", "gate3"];
function render({ model, el }) {
  const bounds = { ...XRAY_BOUNDS, picture: [0, 1], ...Object.fromEntries(BENCH_GATES.map((key) => [key, [0, 100]])) };
  const ui = frame({ model, el, stem: "xray-bench", words: { title: "X-ray" }, bounds });
  ui.slider("picture", "picture");
  const ray = xray(ui, { get: (key) => model.get(key), gates: () => BENCH_GATES.map((key) => model.get(key) / 100), classes: ["background", "cell", "crystal"],
    fields: model.get("fields"), network: { channels: 8 } });
  BENCH_GATES.forEach((key, i) => ui.slider(key, Object.values(XRAY_WORDS.gate)[i], { into: ray.gates }));
  ui.stage.append(ray.node);
  const answers = model.get("recorded").map(({ image, height, width, stages }) => ({ image: decode(image, Float32Array), height, width,
    stages: Object.fromEntries(Object.entries(stages).map(([name, { data, shape }]) => [name, { data: decode(data, Float32Array), shape }])) }));
  let shown = null;
  ui.draw = (palette) => {
    const { stages, ...image } = answers[model.get("picture")] || {};
    if (stages && shown !== stages) ray.update(shown = stages, image);
    ray.draw(palette);
  };
  window.bench = { ray, ui, answers };
  return ui.ready();
}
export default { render };
"""


class XRayBench(XRay, Widget):
    """Two recorded answers, four gates that scale nothing, and an X-ray of them."""

    _esm = inline("kit.js", "xray.js").replace("\nexport ", "\n") + RENDER
    _css = style() + ".unet-xray-bench .unet-body { grid-template-columns: minmax(0, 1fr) !important; }"

    picture = Bounded(0, 0, 1, "the recorded answer")
    gate0, gate1, gate2, gate3 = (Bounded(100, 0, 100, "a gate, per cent") for _ in range(4))
    recorded = traitlets.List().tag(sync=True)
    fields = traitlets.Dict(None, allow_none=True, help="effective.field_table(model, image)").tag(sync=True)


def ask(net, image):
    """What each stage says of an image (1, H, W): name -> (C, H, W)."""
    with torch.no_grad():
        return {name: maps[0] for name, maps in run_stages(net, torch.as_tensor(image)[None]).items()}


def recording(net, image):
    """An answer as the page reads it."""
    stages = {name: {"data": pack(x.numpy()), "shape": list(x.shape)} for name, x in ask(net, image).items()}
    return {"image": pack(image), "height": image.shape[1], "width": image.shape[2], "stages": stages}


@cache
def network():
    """A width-8 network whose BatchNorm has seen the pictures; no training, which no test here needs."""
    torch.manual_seed(3)
    net = UNet(1, 3, width=8)
    with torch.no_grad():
        for _ in range(8):
            net(torch.stack([torch.as_tensor(image) for image, _ in ToyCells(8, seed=2)]))
    return net.eval()


@cache
def collapsed():
    """The same network with a third level whose BatchNorm has shrunk: what training with much weight decay can do."""
    net = deepcopy(network())
    with torch.no_grad():
        net.down3.maxpool_conv[1].double_conv[4].weight *= 1e-9
        net.down3.maxpool_conv[1].double_conv[4].bias.uniform_(0.001, 0.002)
    return net


@cache
def pictures(size=64):
    return [image for image, _ in ToyCells(2, size, seed=1, held_out=True)]


@cache
def _prepared(size, make):
    return [recording(make(), image) for image in pictures(size)], field_table(make(), pictures()[0])


def bench(size=64, make=network, **traits):
    recorded, fields = _prepared(size, make)
    return XRayBench(recorded=recorded, fields=fields, **{"map_row": 20, "map_column": 30} | traits)
