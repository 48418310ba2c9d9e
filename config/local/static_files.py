"""When `collectstatic` has to run again: its sources changed, or another set of packages is installed."""

import hashlib
import sysconfig
from pathlib import Path

STAMP = "static-stamp"


def static_fingerprint(root: Path) -> str:
    """A digest over name, size and time of every static file of ours, and the names of installed packages."""
    digest = hashlib.sha256()
    folders = [root / "static", *sorted(root.glob("*/static"))]
    for folder in folders:
        if folder.parent.name in ("var", ".venv"):
            continue
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                found = path.stat()
                digest.update(f"{path.relative_to(root)}:{found.st_size}:{found.st_mtime_ns}\n".encode())
    packages = Path(sysconfig.get_path("purelib"))
    for name in sorted(entry.name for entry in packages.glob("*.dist-info")):
        digest.update(name.encode())
    return digest.hexdigest()


def collected_fingerprint(var: Path, new: str | None = None) -> str:
    """The digest at the last `collectstatic`, "" if it never ran; with `new`, remember that one."""
    stamp = var / STAMP
    if new is not None:
        stamp.write_text(new)
        return new
    manifest = var / "static" / "staticfiles.json"
    return stamp.read_text() if stamp.is_file() and manifest.is_file() else ""
