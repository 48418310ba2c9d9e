"""Compile and check message catalogues without gettext's programs, which a bare machine lacks."""

from pathlib import Path

from config.local.errors import LauncherError


def catalogues(root: Path) -> list[Path]:
    """All .po files of the project, in order; those of installed packages and of `var/` left out."""
    found = [*root.glob("locale/*/LC_MESSAGES/*.po"), *root.glob("*/locale/*/LC_MESSAGES/*.po")]
    return sorted(path for path in found if path.relative_to(root).parts[0] not in (".venv", "var"))


def compile_catalogue(path: Path) -> Path:
    """Write the .mo beside `path`, and return it. Raises LauncherError for a file that is no catalogue."""
    compiled = path.with_suffix(".mo")
    _read_po(path).save_as_mofile(str(compiled))
    return compiled


def differences(path: Path) -> list[str]:
    """How the .mo beside `path` differs from it, a sentence each; empty when they say the same."""
    import polib

    compiled = path.with_suffix(".mo")
    if not compiled.is_file():
        return [f"{compiled} is missing"]
    wanted = _meaning(entry for entry in _read_po(path) if entry.translated() and not entry.obsolete)
    try:
        found = _meaning(polib.mofile(str(compiled)))
    except (OSError, ValueError) as error:
        return [f"{compiled} cannot be read: {error}"]
    lines = [f"{compiled}: no translation of {key[1]!r}" for key in sorted(wanted.keys() - found.keys())]
    lines += [
        f"{compiled}: {key[1]!r} is no longer in the source" for key in sorted(found.keys() - wanted.keys())
    ]
    both = wanted.keys() & found.keys()
    lines += [f"{compiled}: {key[1]!r} is out of date" for key in sorted(both) if wanted[key] != found[key]]
    return lines


def _read_po(path: Path):  # type: ignore[no-untyped-def]  # polib brings no types
    import polib

    try:
        return polib.pofile(str(path), check_for_duplicates=True)
    except (OSError, ValueError) as error:
        raise LauncherError(f"{path} is no catalogue: {error}") from error


def _meaning(entries) -> dict[tuple[str, str], tuple[str, ...]]:  # type: ignore[no-untyped-def]
    # Context and source -> all its forms. Comments, order and flags do not reach the reader.
    return {
        (entry.msgctxt or "", entry.msgid): tuple(
            entry.msgstr_plural[form] for form in sorted(entry.msgstr_plural)
        ) or (entry.msgstr,)
        for entry in entries
    }  # fmt: skip


def run(root: Path, *, check: bool) -> int:
    """Compile all catalogues, or with `check` only compare; 1 if one differs. Raises LauncherError."""
    paths = catalogues(root)
    if not check:
        for path in paths:
            print(f"compiled {compile_catalogue(path).relative_to(root)}")
        return 0
    lines = [line for path in paths for line in differences(path)]
    for line in lines[:50]:
        print(line)
    if lines:
        print(f"{len(lines)} differences: run `make messages` and commit the result")
    return 1 if lines else 0
