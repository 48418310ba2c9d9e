"""Who acts, as a value that every verb takes. Doors build it once; services never look at a request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from backoffice.choices import ActorType

if TYPE_CHECKING:
    from backoffice.models import User


@dataclass(frozen=True, slots=True)
class Actor:
    """`type` and `id` go into the books; `user` is there for staff, so that scope and policy can ask him."""

    type: str
    id: str
    name: str = ""
    request_id: str = ""
    user: User | None = field(default=None, compare=False, repr=False)

    @classmethod
    def staff(cls, user: User, request_id: str = "") -> Actor:
        return cls(ActorType.STAFF.value, str(user.pk), str(user), request_id, user)

    @classmethod
    def job(cls, name: str) -> Actor:
        return cls(ActorType.JOB.value, name, name)

    @classmethod
    def till(cls, store_code: str) -> Actor:
        return cls(ActorType.POS.value, store_code, store_code)

    @classmethod
    def member(cls, member_id: int) -> Actor:
        return cls(ActorType.MEMBER.value, str(member_id))
