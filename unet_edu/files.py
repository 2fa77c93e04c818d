"""A file is written whole or not at all.

Source: POSIX, where `rename` is atomic within a file system.
Deviation from writing in place: that empties the old file first, so an interrupt or a full disk in the middle leaves
neither the old file nor the new one.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


def check_folder(path, example: str, error: type[Exception] = OSError) -> Path:
    """`path` as a Path, or an `error` if there is no folder to write it in; `example` is a file name to suggest."""
    path = Path(path)
    if path.is_dir():
        raise error(f"{path} is a folder: name a file in it, e.g. {path / example}")
    if not path.parent.is_dir():
        raise error(f"folder {path.parent} does not exist: make it first")
    return path


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """`with whole_file(path) as file:` writes bytes. A reader finds the old file or the new one, never a part.

    Written beside its goal, flushed to the disk, then renamed. After any error the old file stands and nothing is left
    over.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(part, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)  # gone already, unless something failed
    with contextlib.suppress(OSError):  # the new name must reach the disk too; not every system can sync a folder
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
