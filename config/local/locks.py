"""Who may do what at the same time. Unlike a pid file, `flock` lets go by itself when its holder dies."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


class FileLock:
    """An advisory lock on a file. The kernel drops it with the process, however that ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self, *, shared: bool = False, wait: bool = True) -> bool:
        """Take the lock, or change the kind of a held one; false if `wait` is off and others hold it."""
        if self._descriptor is None:
            # Python opens it close-on-exec: a child must not hold the lock after us.
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        mode = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(self._descriptor, mode | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            self.release()
            return False
        return True

    def release(self) -> None:
        """Let go; does nothing when the lock is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock for the length of a block, waiting for it."""
        self.acquire()
        try:
            yield
        finally:
            self.release()
