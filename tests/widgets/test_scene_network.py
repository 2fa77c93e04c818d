"""The judge of a drawing: the network that ships segments scenes that scene.js makes, as it does the pictures it was trained on."""

import base64

import numpy as np
import pytest
import torch

import unet_edu
from tests.widgets.test_scene_canvas import Drawing, now
from unet_edu.train import evaluate

SCENES = """const S = await import("/scene.js"), [kind, n] = arg, random = S.sceneUniform(77), lamps = Object.keys(S.SCENE_LAMPS);
const images = new Float32Array(n * 4096), labels = new Uint8Array(n * 4096), whole = (low, high) => low + Math.floor(random() * (high - low));
for (let k = 0; k < n; k++) {
  let scene = S.blankScene(k + 100);
  const found = [], wanted = whole(3, 9);
  for (let tried = 0; tried < 200 && found.length < wanted; tried++) {
    const p = { row: whole(4, 60), col: whole(4, 60), radius: whole(5, 10) };
    if (found.every((q) => Math.hypot(q.row - p.row, q.col - p.col) > 0.9 * (q.radius + p.radius))) found.push(p);
  }
  found.forEach((p, i) => {
    const object = { label: random() < 0.5 ? 1 : 2, seed: 100 * k + i };
    if (kind === "stamps") { scene = { ...scene, ...S.stampedScene(scene, { ...object, ...p }) }; return; }
    if (kind === "sweeps") { // one pull of a thick pen: longer than anything that the network was trained on
      const pen = S.penStroke(scene, { ...object, radius: p.radius - 2 }), turn = 6.28 * random(), to = { row: Math.round(p.row + 8 * Math.sin(turn)), col: Math.round(p.col + 8 * Math.cos(turn)) };
      pen.add(p, p);
      pen.add(p, to);
      scene = { ...scene, ...pen.layers() };
      return;
    }
    // By hand, with a thin pen: the outline of a disc or of a polygon with 4 to 6 corners, then its inside.
    const pen = S.penStroke(scene, { ...object, radius: 3 }), corners = object.label === 1 ? 16 : whole(4, 7), turn = 6.28 * random();
    const at = (j) => ({ row: Math.round(p.row + (p.radius - 2) * Math.sin(turn + (6.2832 * j) / corners)), col: Math.round(p.col + (p.radius - 2) * Math.cos(turn + (6.2832 * j) / corners)) });
    for (let j = 0; j < corners; j++) { pen.add(at(j), at(j + 1)); pen.add(at(j), p); }
    scene = { ...scene, ...pen.layers() };
  });
  images.set(S.photograph(scene, S.lampLight(0.5, lamps[k % 8]), 0.035), 4096 * k);
  labels.set(scene.labels, 4096 * k);
}
const text = (array) => btoa(Array.from(new Uint8Array(array.buffer), (b) => String.fromCharCode(b)).join(""));
return [text(images), text(labels)];"""


def judged(images, labels):
    images = torch.as_tensor(np.array(images, np.float32).reshape(-1, 1, 64, 64))
    return evaluate(unet_edu.pretrained(), (images, torch.as_tensor(labels.reshape(-1, 64, 64).astype(np.int64))))


@pytest.mark.parametrize(("kind", "least"), [("stamps", 0.9), ("freehand", 0.9), ("sweeps", 0.75)])
def test_the_network_sees_what_was_drawn(run_js, kind, least):
    images, labels = (base64.b64decode(part) for part in run_js(SCENES, [kind, 64]))
    scores = judged(np.frombuffer(images, np.float32), np.frombuffer(labels, np.uint8))
    assert scores.mean_iou >= least
    assert min(scores.iou) >= least - 0.05


def test_the_network_sees_the_first_scene_and_nothing_on_an_empty_one(mount):
    page = mount(Drawing())
    assert judged(*now(page)).mean_iou >= 0.9
    page.get_by_role("button", name="Clear", exact=True).click()
    assert judged(*now(page)).accuracy >= 0.995
