"""Where uploaded files lie: in the storage of the installation, under names that nobody can guess or ask
for.
"""

from __future__ import annotations

import hashlib
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from django.core.files.base import File
from django.core.files.storage import default_storage

from backoffice.tabular.faults import FileRefused
from backoffice.tabular.lines import BLOCK

MOST_BYTES = 200 << 20


def fingerprint(file: BinaryIO) -> tuple[str, int]:
    """(SHA-256, size) of the whole file, which is rewound. Raises FileRefused above MOST_BYTES."""
    digest, size = hashlib.sha256(), 0
    while block := file.read(BLOCK):
        digest.update(block)
        size += len(block)
        if size > MOST_BYTES:
            raise FileRefused("too_big", most=MOST_BYTES >> 20)
    file.seek(0)
    return digest.hexdigest(), size


def keep(file: BinaryIO, suffix: str) -> str:
    """Copy into the storage in pieces; answers the stored name."""
    return default_storage.save(f"imports/{uuid.uuid4().hex}.{suffix}", File(file))


def opened(name: str) -> BinaryIO:
    """The stored file. Raises FileRefused("gone") when its time is over."""
    try:
        if name:
            return cast(BinaryIO, default_storage.open(name, "rb"))
    except FileNotFoundError:
        pass
    raise FileRefused("gone")


@contextmanager
def stored(name: str) -> Iterator[BinaryIO]:
    """The stored file, closed at the end. Raises FileRefused("gone") when its time is over."""
    with opened(name) as file:
        yield file


def keep_written(write: Callable[[BinaryIO], None], suffix: str) -> str:
    """Store what `write` writes, by way of a temporary file on disk."""
    with tempfile.TemporaryFile() as target:
        write(cast(BinaryIO, target))
        target.seek(0)
        return keep(cast(BinaryIO, target), suffix)


def forget(*names: str) -> None:
    for name in names:
        if name:
            default_storage.delete(name)
