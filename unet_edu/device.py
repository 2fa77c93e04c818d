"""Where to compute, and in which precision: the fastest that is present, unless told otherwise.

Source: the torch documentation on automatic mixed precision.
Deviation from torch's `is_bf16_supported()`: a GPU that only emulates bfloat16 (compute capability below 8, such as the
T4) gets float16 with a loss scaler; a CPU gets bfloat16 only if it has matrix instructions for it (AMX), where it paid:
a step of a network of width 16 took six tenths of the time of float32 on two cores.
"""

import contextlib
from collections.abc import Iterator

import torch


def pick_device(name: str | torch.device | None = None) -> torch.device:
    """cuda if present, else mps, else cpu; or the one named. Raises ValueError if that one is not present."""
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name is None:
        return torch.device(next(kind for kind, there in present.items() if there))
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"device {name!r} is unknown: use {', '.join(present)} or None to choose") from error
    if not present.get(device.type, True):
        here = ", ".join(kind for kind, there in present.items() if there)
        raise ValueError(f"device {str(name)!r} is not present, {here} is: name that, or None to choose")
    return device


def pick_amp(device: torch.device, amp: bool | torch.dtype | None = None) -> torch.dtype | None:
    """The half precision to compute in, or None for float32 throughout.

    amp None: where it pays. True: always, bfloat16 unless the GPU emulates it. False: never. Or the dtype itself.
    Raises ValueError for another dtype.
    """
    if amp is False:
        return None
    if isinstance(amp, torch.dtype):
        if amp not in (torch.float16, torch.bfloat16):
            raise ValueError(f"amp {amp}: use torch.bfloat16, torch.float16, or False for float32")
        return amp
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.get_device_capability(device) >= (8, 0) else torch.float16
    if amp is None and not (device.type == "cpu" and has_matrix_bfloat16()):
        return None
    return torch.float16 if device.type == "mps" else torch.bfloat16


def has_matrix_bfloat16() -> bool:
    """Whether this CPU has AMX; False where torch is too old to tell."""
    ask = getattr(torch.cpu, "_is_amx_tile_supported", None)
    return bool(ask and ask())


@contextlib.contextmanager
def own_random_state(device: torch.device, seed: int) -> Iterator[None]:
    """Inside, torch's global generators start from `seed`; afterwards they are as they were before."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
