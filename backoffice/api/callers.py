"""Who calls the API, as one value whatever he showed: a member's token, or a key of a till, partner or
person.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from backoffice.actors import Actor
from backoffice.choices import ActorType, ApiKeyKind

if TYPE_CHECKING:
    from backoffice.models import ApiKey, Store, User


class CallerKind(StrEnum):
    MEMBER = "member"
    TILL = "till"
    PARTNER = "partner"
    STAFF = "staff"


EVERYBODY = frozenset(CallerKind)
MEMBERS = frozenset({CallerKind.MEMBER})
TILLS = frozenset({CallerKind.TILL})
KEYS = frozenset({CallerKind.TILL, CallerKind.PARTNER, CallerKind.STAFF})


@dataclass(frozen=True, slots=True)
class Caller:
    """`client` is the scope of his Idempotency-Keys and of his rate limit ("till:12").

    `member_id` and `session_id` are a member's; `scopes`, `brand_id`, `store` and `user` come from a key.
    DRF wants `is_authenticated` of what it calls a user.
    """

    kind: CallerKind
    client: str
    actor: Actor
    scopes: frozenset[str] = frozenset()
    brand_id: int | None = None
    store: Store | None = field(default=None, compare=False, repr=False)
    user: User | None = field(default=None, compare=False, repr=False)
    member_id: int | None = None
    session_id: int | None = None

    @property
    def is_authenticated(self) -> bool:
        return True

    @property
    def pk(self) -> None:
        """No row of the staff table: nothing that asks for a signed-in user's key may find one."""
        return None

    @classmethod
    def of_key(cls, key: ApiKey, request_id: str) -> Caller:
        """The caller behind a live key. A person's key acts as the person."""
        if key.kind == ApiKeyKind.STAFF and key.owner is not None:
            actor = Actor.staff(key.owner, request_id)
        else:
            place = key.store.code if key.store else (key.brand.code if key.brand else "")
            actor = Actor(ActorType.POS.value, f"{place}/{key.prefix}", key.name, request_id)
        return cls(
            kind=CallerKind(key.kind),
            client=f"{key.kind}:{key.pk}",
            actor=actor,
            scopes=frozenset(key.scopes),
            brand_id=key.brand_id,
            store=key.store,
            user=key.owner,
        )
