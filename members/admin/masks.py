"""A member as the screen shows him: masked for everybody, whole only in the answer to `disclosure.reveal`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from backoffice.masking import mask_email, mask_name
from members.models import Member
from members.phones import mask_phone

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


def shown(member: Member) -> Shown:
    """What every list and page shows, whatever the role: unmasking is an act of its own, with a purpose."""
    return Shown(
        mask_name(member.name),
        mask_phone(member.phone),
        mask_email(member.email),
        "****-**-**" if member.birthday else "",
        f"{member.county}{member.district}{'***' if member.address else ''}",
        masked=True,
    )


def unmasked(member: Member, values: Mapping[str, str]) -> Shown:
    """The answer of `disclosure.reveal` for all personal fields, for one page."""
    return Shown(
        values["name"],
        values["phone"],
        values["email"],
        values["birthday"],
        f"{member.county}{member.district}{values['address']}",
        masked=False,
    )
