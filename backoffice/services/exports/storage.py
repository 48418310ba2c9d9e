"""Where the parts and files of exports lie: a folder each, under a name that nobody can guess or ask for."""

from __future__ import annotations

import hashlib
import tempfile
import uuid
from collections.abc import Callable
from typing import BinaryIO, cast

from django.core.files.base import File
from django.core.files.storage import default_storage

from backoffice.tabular.lines import BLOCK

ROOT = "exports"


def new_folder() -> str:
    return uuid.uuid4().hex


def keep_written(folder: str, suffix: str, write: Callable[[BinaryIO], None]) -> tuple[str, int, str]:
    """Store what `write` writes, by way of a temporary file: (name in the folder, size, SHA-256).

    Every call makes a name of its own: a worker that was overtaken can never write into another one's part.
    """
    with tempfile.TemporaryFile() as file:
        target = cast(BinaryIO, file)
        write(target)
        digest, size = hashlib.sha256(), target.seek(0, 2)
        target.seek(0)
        while block := target.read(BLOCK):
            digest.update(block)
        target.seek(0)
        stored = default_storage.save(f"{ROOT}/{folder}/{uuid.uuid4().hex[:12]}.{suffix}", File(target))
    return stored.rsplit("/", 1)[-1], size, digest.hexdigest()


def opened(folder: str, name: str) -> BinaryIO:
    """The caller closes it. Raises FileNotFoundError."""
    return cast(BinaryIO, default_storage.open(f"{ROOT}/{folder}/{name}", "rb"))


def forget(folder: str, *, but: str = "") -> None:
    """Delete everything in the folder except `but`; without it, the folder as well. May be repeated."""
    path = f"{ROOT}/{folder}"
    try:
        names = default_storage.listdir(path)[1]
    except FileNotFoundError:
        return
    for name in names:
        if name != but:
            default_storage.delete(f"{path}/{name}")
    if not but:
        default_storage.delete(path)
