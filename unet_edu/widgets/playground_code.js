// A state of the metrics playground as PyTorch: the same scene, spoilt in the same ways, and the same numbers printed.
import { toyObjects } from "./distortions.js";

const AROUND = `

def around(mask):  # each pixel and its four neighbours; outside the picture is background
    wide = F.pad(mask, (1, 1, 1, 1))
    return torch.stack([mask, wide[:-2, 1:-1], wide[2:, 1:-1], wide[1:-1, :-2], wide[1:-1, 2:]])
`;
const ERODE = `

def erode(mask):  # an object pixel stays if its four neighbours have its class
    return torch.where((around(mask) == mask).all(dim=0), mask, 0)
`;
const DILATE = `

def dilate(mask):  # a background pixel beside an object takes its class, the larger number of two
    return torch.where(mask == 0, around(mask).amax(dim=0), mask)
`;

export function playgroundCode({ scene, size, lost, mistaken, erode, dilate, row_shift, column_shift, confidence, painted }) {
  const objects = toyObjects(scene), left = Math.max(0, objects.length - lost), pads = row_shift || column_shift;
  const rows = objects.map(([label, ...where]) => `    (${[label, label === 1 ? '"disc"' : '"square"', ...where].join(", ")}),\n`).join("");
  const steps = [`predicted = draw(${left < objects.length || (mistaken && left) ? "found" : "objects"}, tenths=${size})`];
  if (mistaken && left) steps.unshift(`found = [(3 - label if i < ${mistaken} else label, *where) for i, (label, *where) in enumerate(${left < objects.length ? "found" : "objects"})]`);
  if (left < objects.length) steps.unshift(`found = objects[:${left}]  # the smallest are lost`);
  for (const [name, times] of [["erode", erode], ["dilate", dilate]]) if (times) steps.push(`for _ in range(${times}):\n    predicted = ${name}(predicted)`);
  if (pads) steps.push(`predicted = F.pad(predicted, (${column_shift}, ${-column_shift}, ${row_shift}, ${-row_shift}))  # right and down`);
  if (painted !== "none") steps.push(`
runs = re.findall(r"([ubcx])(\\d+)", "${painted}")  # pixels in reading order: u untouched, or background, cell, x crystal
paint = torch.cat([torch.full((int(length),), "ubcx".index(letter) - 1) for letter, length in runs])
paint = F.pad(paint, (0, 32 * 32 - len(paint)), value=-1).view(32, 32)
predicted = torch.where(paint < 0, predicted, paint)`);
  return `${painted !== "none" ? "import re\n\n" : ""}import torch
${pads || erode || dilate || painted !== "none" ? "import torch.nn.functional as F\n" : ""}
from unet_edu.losses import cross_entropy
from unet_edu.metrics import count, dice, iou, mean_foreground, pixel_accuracy

rows, columns = torch.meshgrid(torch.arange(32), torch.arange(32), indexing="ij")


def draw(objects, tenths):  # all radii times tenths / 10
    mask = torch.zeros(32, 32, dtype=torch.int64)
    for label, shape, row, column, radius in objects:
        down, across = (rows - row).abs(), (columns - column).abs()
        if shape == "disc":
            inside = 100 * (down**2 + across**2) < (radius * tenths) ** 2
        else:
            inside = 10 * torch.maximum(down, across) < radius * tenths
        mask[inside] = label
    return mask
${erode || dilate ? AROUND : ""}${erode ? ERODE : ""}${dilate ? DILATE : ""}

objects = [${rows ? `  # class, shape, row, column, radius\n${rows}` : ""}]
mask = draw(objects, tenths=${size})
${steps.join("\n")}

matrix = count(predicted, mask, n_classes=3)  # row: true class, column: predicted class
p = ${confidence / 100}  # of the predicted class at every pixel; the two others share the rest
probabilities = torch.full((1, 3, 32, 32), (1 - p) / 2, dtype=torch.float64).scatter(1, predicted[None, None], p)
loss = cross_entropy(probabilities.log(), mask[None])  # softmax gives the probabilities back
print(matrix.tolist())
print(f"pixel accuracy {pixel_accuracy(matrix):.4f}, cross-entropy {loss:.4f}")
print("IoU", [round(score, 4) for score in iou(matrix).tolist()], f"mean foreground {mean_foreground(iou(matrix)):.4f}")
print("Dice", [round(score, 4) for score in dice(matrix).tolist()], f"mean foreground {mean_foreground(dice(matrix)):.4f}")
`;
}
