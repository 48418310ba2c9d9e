"""Catalogues are compiled and compared by content."""

from pathlib import Path

import pytest

from config.local import catalogues
from config.local.errors import LauncherError

SOURCE = r"""
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\n"
"Plural-Forms: nplurals=1; plural=0;\n"

msgid "Points"
msgstr "點數"

msgctxt "verb"
msgid "Book"
msgstr "預訂"

msgid "%d day"
msgid_plural "%d days"
msgstr[0] "%d 天"

#, fuzzy
msgid "Guess"
msgstr "猜"

msgid "Open"
msgstr ""
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "locale" / "zh_Hant" / "LC_MESSAGES" / "django.po"
    path.parent.mkdir(parents=True)
    path.write_text(SOURCE, "utf-8")
    return path


def test_compiled_catalogue_equals_its_source(source: Path, tmp_path: Path) -> None:
    assert catalogues.run(tmp_path, check=True) == 1, "missing"
    assert catalogues.run(tmp_path, check=False) == 0
    assert catalogues.run(tmp_path, check=True) == 0


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("點數", "分數", "out of date"),
        ("%d 天", "%d 日", "out of date"),
        ('msgid "Points"', 'msgid "Score"', "no translation of 'Score'"),
        ('msgstr "預訂"', 'msgstr ""', "no longer in the source"),
    ],
)
def test_difference_is_named(source: Path, old: str, new: str, complaint: str) -> None:
    catalogues.compile_catalogue(source)
    source.write_text(SOURCE.replace(old, new), "utf-8")
    assert any(complaint in line for line in catalogues.differences(source))


def test_broken_files_are_named(source: Path) -> None:
    source.with_suffix(".mo").write_bytes(b"nonsense")
    assert "cannot be read" in catalogues.differences(source)[0]
    source.write_text("nonsense", "utf-8")
    with pytest.raises(LauncherError, match="no catalogue"):
        catalogues.compile_catalogue(source)
