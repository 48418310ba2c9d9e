"""A worker of its own that brings one file in: `python -m bench.import_process FOLDER FILE [KIND]`.

Says in JSON what it took and how much memory it needed: idle (after a file of ten rows), and at its highest.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FEW = 10
# A number of people that no yardstick gives to anybody else.
FIRST = 90_000_000


@dataclass(frozen=True)
class Worker:
    """Megabytes, and seconds of the whole way."""

    idle: float
    highest: float
    seconds: float

    @property
    def extra(self) -> float:
        return max(0.0, self.highest - self.idle)


def start(url: str, folder: Path, path: Path, kind: str = "members") -> subprocess.Popen[str]:
    environment = os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "bench.settings"}
    words = [sys.executable, "-m", "bench.import_process", str(folder), str(path), kind]
    return subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> Worker:
    out, _nothing = process.communicate()
    if process.returncode:
        raise AssertionError(f"the worker ended with {process.returncode}")
    told = json.loads(out.strip().splitlines()[-1])
    return Worker(told["idle"], told["highest"], told["seconds"])


def highest() -> float:
    """Megabytes at most so far. From /proc where there is one: `ru_maxrss` begins with the parent's."""
    try:
        status = Path("/proc/self/status").read_text()
    except FileNotFoundError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def main(words: list[str]) -> int:
    import django

    django.setup()
    from bench import import_files, import_way

    folder, path, kind = Path(words[0]), Path(words[1]), words[2]
    import_way.prepare(folder)
    import_way.bring(import_files.member_file(folder, FIRST + os.getpid() * FEW % 9_000_000, FEW))
    idle = highest()
    took: Any = import_way.bring(path, kind)
    print(json.dumps({"idle": idle, "highest": highest(), "seconds": took.seconds}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
