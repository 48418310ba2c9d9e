"""A member as this user may see him: whole with `members.unmask_member`, masked without."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from backoffice.masking import mask_email, mask_name
from members.models import Member
from members.phones import display_phone, mask_phone

UNMASK = "members.unmask_member"


@dataclass(frozen=True, slots=True)
class Shown:
    """Values for the screen. `masked` tells the page to say so."""

    name: str
    phone: str
    email: str
    birthday: str
    address: str
    masked: bool


def shown(member: Member, user: Any) -> Shown:
    address = f"{member.county}{member.district}{member.address}"
    if user.has_perm(UNMASK):
        birthday = member.birthday.isoformat() if member.birthday else ""
        phone = display_phone(member.phone)
        return Shown(member.name, phone, member.email, birthday, address, masked=False)
    return Shown(
        mask_name(member.name),
        mask_phone(member.phone),
        mask_email(member.email),
        "****-**-**" if member.birthday else "",
        f"{member.county}{member.district}{'***' if member.address else ''}",
        masked=True,
    )
