"""Profile values as people and files give them, made fit for the row, and held against the brand's rules."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Literal

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from backoffice.models import Brand
from members.choices import FieldNeed, ProfileField
from members.errors import FieldHidden, InvalidProfile, ProfileIncomplete
from members.models import Member
from members.selectors.profile import profile_needs

OLDEST = date(1900, 1, 1)


def cleaned(values: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """`values` of profile fields, trimmed and checked by the model's own fields.

    Texts lose control characters, outer blanks and runs of inner ones; e-mail addresses become lower case.
    Raises InvalidProfile with a sentence for each field that is not possible.
    """
    unknown = set(values) - set(ProfileField.values)
    if unknown:
        raise TypeError(f"no profile fields: {sorted(unknown)}")
    clean = {name: _tidy(name, value) for name, value in values.items()}
    errors: dict[str, list[str]] = {}
    others = [field.name for field in Member._meta.fields if field.name not in clean]
    row = Member(**clean)
    try:
        row.clean_fields(exclude=others)
    except ValidationError as error:
        errors = error.message_dict
    birthday = row.birthday
    if isinstance(birthday, date) and not OLDEST <= birthday <= now.date():
        errors["birthday"] = [_("A birthday lies between 1900 and today.")]
    if errors:
        raise InvalidProfile(errors)
    return {name: getattr(row, name) for name in clean}


def check_needs(values: Mapping[str, Any], brand: Brand | None) -> None:
    """Raises ProfileIncomplete or FieldHidden when `values` are not what the brand asks of a new member."""
    needs = profile_needs(brand)
    given = {name for name, value in values.items() if value not in (None, "")}
    missing = [name for name, need in needs.items() if need == FieldNeed.REQUIRED and name not in given]
    if missing:
        raise ProfileIncomplete({name: [_("This field is required.")] for name in missing})
    hidden = [name for name in needs if needs[name] == FieldNeed.HIDDEN and name in given]
    if hidden:
        raise FieldHidden({name: [_("This field is not asked for here.")] for name in hidden})


def _tidy(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    # Names in the form that the search folds its text to; in an address 號（5樓） may keep its brackets.
    form: Literal["NFC", "NFKC"] = "NFKC" if name == ProfileField.NAME else "NFC"
    text = " ".join(unicodedata.normalize(form, value).split())
    # NUL cannot be stored, and marks that turn the direction of writing make a name look like another.
    text = "".join(char for char in text if unicodedata.category(char) not in ("Cc", "Cf"))
    return text.lower() if name == ProfileField.EMAIL else text
