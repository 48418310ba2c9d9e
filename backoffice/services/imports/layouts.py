"""How a file is read: which line is the head, and which of its columns is which field."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.utils import translation

from backoffice.errors import ColumnsIgnored, ImportLayoutWrong
from backoffice.services.imports.columns import ImportColumn
from backoffice.services.imports.kinds import ImportKind
from backoffice.tabular.csv_rows import Record
from backoffice.tabular.faults import FileRefused

# A head stands among the first lines; above it may be a title or the date of the report.
HEAD_WITHIN = 10
SAMPLE = 5
# What `results` adds to a file of errors, in both languages.
RESULT_HEADS = ("Field with the error", "Reason of the error", "Suggestion", "錯誤欄位", "錯誤原因", "建議")
_NOISE = re.compile(r"[\s_\-/()\[\]*:：（）.]+")


def folded(head: str) -> str:
    """A head as it is compared: without case, width, blanks and marks.

    >>> [folded(head) for head in ("Phone No.", "手機 號碼*", "ＥＭＡＩＬ", "e-mail")]
    ['phoneno', '手機號碼', 'email', 'email']
    """
    return _NOISE.sub("", unicodedata.normalize("NFKC", head).casefold())


def vocabulary(kind: ImportKind) -> dict[str, str]:
    """Folded head -> column: names, titles in both languages, synonyms."""
    words: dict[str, str] = {}
    for name, column in kind.columns.items():
        for word in (name, *titles(column), *column.synonyms):
            words.setdefault(folded(word), name)
    return words


def titles(column: ImportColumn) -> Iterable[str]:
    for language in ("zh-hant", "en"):
        with translation.override(language):
            yield str(column.title)


def find_head(records: Sequence[Record], kind: ImportKind, remembered: Mapping[str, str]) -> int:
    """The index of the record that names most columns. Raises FileRefused when none names any."""
    if not records:
        raise FileRefused("empty")
    words = vocabulary(kind) | {folded(head): field for head, field in remembered.items() if field}
    scores = [
        sum(folded(cell) in words for cell in record.cells if cell.strip())
        for record in records[:HEAD_WITHIN]
    ]
    best = max(range(len(scores)), key=lambda index: (scores[index], -index))
    if not scores[best]:
        with_names = [str(kind.columns[name].title) for names in kind.needs for name in names[:1]]
        raise FileRefused("no_head", names=", ".join(with_names) or next(iter(kind.columns)))
    return best


def guess(heads: Sequence[str], kind: ImportKind, remembered: Mapping[str, str]) -> list[str]:
    """The field of each head, "" for none; what a person said last time goes before what the words say.

    Raises FileRefused for a head that is there twice. Two heads of one field stay both; `missing` names them.
    """
    words = vocabulary(kind)
    more = kind.more() if kind.more else None
    memory = {
        folded(head): field
        for head, field in remembered.items()
        if not field or field in kind.columns or (more and more.widget(field))
    }
    seen: dict[str, str] = {}
    fields = []
    for head in heads:
        bare = folded(head)
        if bare and bare in seen:
            raise FileRefused("column_twice", name=head.strip())
        seen[bare] = head
        if bare in memory:
            fields.append(memory[bare])
        else:
            fields.append(words.get(bare) or (more.recognise(head) if more and bare else ""))
    while fields and not fields[-1] and not heads[len(fields) - 1].strip():
        fields.pop()
    return fields


def check(layout: Mapping[str, Any], kind: ImportKind, ignore: Iterable[str] | None) -> None:
    """Whether rows can be read like this. `ignore` are the heads that may be left out; None allows all.

    Raises ImportLayoutWrong for missing and doubled fields, ColumnsIgnored.
    """
    fields = [field for field in layout["fields"] if field]
    more = kind.more() if kind.more else None
    unknown = {field for field in fields if field not in kind.columns and not (more and more.widget(field))}
    doubled = {field for field in fields if fields.count(field) > 1} - unknown
    wrong = [kind.title_of(field, layout) for field in sorted(doubled)] + sorted(unknown)
    filled = kind.staged_columns(fields)
    for names in kind.needs:
        if not set(names) & filled:
            wrong.append(" / ".join(str(kind.columns[name].title) for name in names))
    if wrong:
        raise ImportLayoutWrong(names=", ".join(wrong))
    if ignore is not None:
        left = sorted(set(ignored(layout)) - set(ignore))
        if left:
            raise ColumnsIgnored(names=", ".join(left))


def ignored(layout: Mapping[str, Any]) -> list[str]:
    """Heads that mean no field. The three columns of an error file that comes back are not worth a word."""
    ours = {folded(head) for head in RESULT_HEADS}
    return [
        head
        for head, field in zip(layout["heads"], layout["fields"], strict=False)
        if not field and head.strip() and folded(head) not in ours
    ]
