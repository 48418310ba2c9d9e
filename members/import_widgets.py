"""Cells of member files: what each may hold, read quickly, because a file has a million of each.

Usual values take a short way; everything else goes through the same functions as forms and the till. A widget
answers the text that PostgreSQL casts (`+886912345678`, `1990-05-05`, a store's id), or raises CellFault.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import TextChoices
from django.utils import timezone

from backoffice.services.imports.columns import CellFault, Doubtful, ImportWidget, Repaired
from members.cards import is_valid_card_no
from members.choices import Channel, Gender
from members.dates import parse_date
from members.errors import InvalidPhone
from members.phones import display_phone, repair_phone

PLAIN_PHONE = re.compile(r"09([0-9]{2})-?([0-9]{3})-?([0-9]{3})")
PLAIN_PHONES = re.compile(r"09[0-9]{8}(?:\n09[0-9]{8})*")
ISO_DATE = re.compile(r"[12][0-9]{3}-[0-9]{2}-[0-9]{2}")
ROC = re.compile(r"(?:民國|[0-9]{2,3}[-/.年]|[0-9]{6,7}$)")
SHORT_YEAR = re.compile(r"(?:[0-9]{2}[-/.年]|[0-9]{6}$)")
# A part of what Django's validator takes, and far quicker to see.
PLAIN_EMAIL = re.compile(
    r"[a-z0-9_%+-]+(?:\.[a-z0-9_%+-]+)*@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24}"
)
BLANKS = re.compile(r"\s{2,}")
YES = frozenset({"是", "同意", "願意", "y", "yes", "true", "1", "v", "✓", "✔", "o", "○"})
NO = frozenset({"否", "不同意", "不願意", "拒絕", "n", "no", "false", "0", "x", "✗", "✘"})
GENDERS = {
    **dict.fromkeys(("女", "女性", "女士", "小姐", "f", "female"), Gender.FEMALE.value),
    **dict.fromkeys(("男", "男性", "先生", "m", "male"), Gender.MALE.value),
    **dict.fromkeys(("其他", "other"), Gender.OTHER.value),
}
CHANNELS = {
    **{channel.value: channel.value for channel in Channel},
    "門市": Channel.STORE.value,
    "紙本": Channel.PAPER.value,
    "紙本表單": Channel.PAPER.value,
    "app": Channel.APP.value,
    "官網": Channel.WEB.value,
    "網站": Channel.WEB.value,
    "網路商店": Channel.WEB.value,
    "匯入": Channel.IMPORT.value,
}


class PhoneWidget(ImportWidget):
    """0912-345-678 in every way that people write it. A lost zero is put back and marked; whether phones of
    other countries are meant, the uploader says.
    """

    def read(self, text: str) -> str:
        if match := PLAIN_PHONE.fullmatch(text):
            return f"+8869{match[1]}{match[2]}{match[3]}"
        try:
            phone, repaired = repair_phone(text)
        except InvalidPhone as refusal:
            raise CellFault(hint=refusal.suggestion) from None
        if not phone.startswith("+886"):
            return Doubtful(phone, choice="foreign", fault="foreign")
        return Repaired(phone) if repaired else phone

    def read_many(self, texts: list[str]) -> list[str] | None:
        joined = "\n".join(texts)
        if not PLAIN_PHONES.fullmatch(joined):
            return None
        return f"\n{joined}".replace("\n0", "\n+886")[1:].split("\n")

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return display_phone(value or "")


class TextWidget(ImportWidget):
    """Trimmed text of at most `most` characters. `compatible` folds full-width letters, as names are
    searched.
    """

    def __init__(self, most: int, *, compatible: bool = False) -> None:
        super().__init__()
        self.most = most
        self.form: Any = "NFKC" if compatible else "NFC"

    def read(self, text: str) -> str:
        if not unicodedata.is_normalized(self.form, text):
            text = unicodedata.normalize(self.form, text)
        if "  " in text:
            text = BLANKS.sub(" ", text)
        if len(text) > self.most:
            raise CellFault("too_long", most=self.most, found=len(text))
        return text


class EmailWidget(TextWidget):
    def __init__(self) -> None:
        super().__init__(254)

    def read(self, text: str) -> str:
        address = super().read(text).lower()
        if PLAIN_EMAIL.fullmatch(address):
            return address
        try:
            validate_email(address)
        except ValidationError:
            raise CellFault from None
        return address


class DateWidget(ImportWidget):
    """1990-05-05, 1990/5/5, 115/01/31, 民國79年5月5日. A year of the Republic is understood, and marked; one
    of two digits, without 民國, may be one of either calendar, and the uploader says which.
    """

    repeats = True

    def read(self, text: str) -> str:
        return _date(text)

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        if isinstance(value, datetime):
            value = timezone.localdate(value)
        return value.isoformat() if value else ""


class ChoiceWidget(ImportWidget):
    """One of a few words, in both languages; answers the code. `labels` name the codes in exports."""

    repeats = True

    def __init__(self, words: dict[str, str], labels: type[TextChoices]) -> None:
        super().__init__()
        self.words = words
        self.labels = labels

    def read(self, text: str) -> str:
        found = self.words.get(text) or self.words.get(text.casefold())
        if found is None:
            raise CellFault
        return found

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        if not value:
            return ""
        label = str(self.labels(value).label)
        # What goes out has to be understood when it comes back.
        return label if self.words.get(label.casefold()) == value else str(value)


class YesNoWidget(ImportWidget):
    """true or false as PostgreSQL writes them."""

    repeats = True

    def read(self, text: str) -> str:
        word = unicodedata.normalize("NFKC", text).casefold()
        if word in YES:
            return "true"
        if word in NO:
            return "false"
        raise CellFault

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return "" if value is None else "Y" if value else "N"


class CardWidget(ImportWidget):
    """16 digits with the right check digit; blanks and hyphens between them do not count."""

    def read(self, text: str) -> str:
        digits = unicodedata.normalize("NFKC", text).replace(" ", "").replace("-", "")
        if not is_valid_card_no(digits):
            raise CellFault
        return digits


@lru_cache(maxsize=50_000)
def _date(text: str) -> str:
    try:
        day = parse_date(text).isoformat()
    except ValueError:
        raise CellFault from None
    bare = unicodedata.normalize("NFKC", text)
    if ISO_DATE.fullmatch(text) or not ROC.match(bare):
        return day
    return (
        Doubtful(day, choice="short_years", fault="short_year") if SHORT_YEAR.match(bare) else Repaired(day)
    )
