"""A checkpoint is written whole or not at all, and read as numbers only, never as code.

Source: the torch documentation on `torch.save`, and on `torch.load(weights_only=True)`, which refuses pickled objects.
Deviation from a bare `torch.save(path)`: a half-written file can't be taken for a checkpoint, see `unet_edu.files`.
"""

import pickle
import zipfile
import zlib
from pathlib import Path

import torch

from unet_edu import files
from unet_edu.files import whole_file

FORMAT = "unet_edu.train 1"  # the number grows when older readers would misread a file


class CheckpointError(RuntimeError):
    """A checkpoint that can't be used; the message says why and what to do."""


def save(path, parts: dict, plan: dict, device: torch.device, epoch: int, history: dict) -> None:
    """Write all that the next epoch depends on.

    parts: model, optimizer, scheduler, scaler. plan: the settings. The order of the data follows from plan and epoch.
    """
    random = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        random["cuda"] = torch.cuda.get_rng_state(device)
    states = {name: part.state_dict() for name, part in parts.items()}
    write(path, {**states, "random": random, "plan": plan, "epoch": epoch, "history": history})


def restore(path, parts: dict, plan: dict, device: torch.device) -> tuple[int, dict]:
    """Load what `save` wrote into `parts`; return the epochs done and the history.

    Raises CheckpointError, with nothing loaded, for a file that `read` refuses, made with other settings or data, or
    holding another network.
    """
    state = read(path)
    check_fits(state, parts["model"], plan, path)
    for name in ("optimizer", "scheduler", "scaler", "model"):  # the model last: what could fail, fails before it
        parts[name].load_state_dict(state[name])
    torch.set_rng_state(state["random"]["cpu"])
    if device.type == "cuda" and "cuda" in state["random"]:
        torch.cuda.set_rng_state(state["random"]["cuda"], device)
    return state["epoch"], state["history"]


def write(path, state: dict) -> None:
    """Save tensors, numbers, strings, lists and dicts. A reader finds the old file or the new one, never a part.

    Raises CheckpointError if the folder is missing. After any error the old file stands and nothing is left over.
    """
    with whole_file(check_folder(path)) as file:
        torch.save({"format": FORMAT, **state}, file)


def check_folder(path) -> Path:
    """`path` as a Path, or CheckpointError if there is no folder to write it in."""
    return files.check_folder(path, "run.pt", CheckpointError)


def read(path) -> dict:
    """The state that `write` saved, on the CPU.

    Raises CheckpointError for a file that is missing, cut off or damaged, that holds more than tensors and plain
    values, or that `write` did not write.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"no checkpoint at {path}: check the name, or leave out resume to start afresh")
    with open(path, "rb") as file:
        zipped = file.read(2) == b"PK"
    if not zipped:
        raise CheckpointError(f"{path} is no checkpoint: what torch.save writes is a zip archive, and this is none")
    try:
        with zipfile.ZipFile(path) as archive:  # the checksums first: what torch says of damage depends on its version
            if archive.testzip():
                raise zipfile.BadZipFile
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path} holds Python objects, and loading those can run code: only tensors and plain values are read"
        ) from error
    except Exception as error:  # RuntimeError, EOFError, KeyError and more, depending on where the damage is
        raise CheckpointError(f"{path} is cut off or damaged: use an earlier copy") from error
    if not isinstance(state, dict) or "format" not in state:
        raise CheckpointError(f"{path} was not written by fit; bare weights go into model.load_state_dict(...)")
    if state["format"] != FORMAT:
        raise CheckpointError(f"{path} has format {state['format']!r}, this version reads {FORMAT!r}")
    return state


def check_fits(state: dict, model: torch.nn.Module, plan: dict, path) -> None:
    """Raise CheckpointError unless `state` continues this `plan` with a network of this `model`'s shapes."""
    needed = {"model", "optimizer", "scheduler", "scaler", "random", "plan", "epoch", "history"}
    if missing := needed - state.keys():
        raise CheckpointError(f"{path} lacks {', '.join(sorted(missing))}: use an earlier copy")
    here, there = model.state_dict(), state["model"]
    for name in [*here, *there]:
        ours, theirs = (tuple(s[name].shape) if name in s else "absent" for s in (here, there))
        if ours != theirs:
            raise CheckpointError(
                f"{path} holds another network: {name} is {theirs} there and {ours} in the model; build the model with "
                "the width, bilinear, n_channels and n_classes of that run"
            )
    for name, ours in plan.items():
        theirs = state["plan"].get(name)
        if ours != theirs:
            raise CheckpointError(
                f"{path} was made with {name}={theirs!r}, this run has {name}={ours!r}: resume with the same data and "
                "settings, or leave out resume to start afresh"
            )


def fingerprint(*tensors: torch.Tensor) -> str:
    """Shapes and a checksum: two data sets that differ in a pixel differ here."""
    total = 0
    for tensor in tensors:
        total = zlib.crc32(tensor.detach().cpu().contiguous().numpy(), total)
    return " ".join(str(tuple(t.shape)) for t in tensors) + f" crc32 {total:08x}"
