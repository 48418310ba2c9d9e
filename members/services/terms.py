"""The versions of the terms of membership (S21)."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from backoffice.actors import Actor
from backoffice.services import audit
from members.errors import TermsInForce
from members.models import MembershipTerms

SHOWN = ("version", "effective_from", "url", "must_accept")


@transaction.atomic
def save_terms(*, terms: MembershipTerms, actor: Actor, now: datetime) -> MembershipTerms:
    """Store a new or edited version with its trail. Nothing changed writes nothing.

    Raises TermsInForce when version or start of terms would change that members may have agreed to already.
    """
    before = MembershipTerms.objects.select_for_update().filter(pk=terms.pk).first()
    changes = {
        name: [_plain(getattr(before, name, None)), _plain(getattr(terms, name))]
        for name in SHOWN
        if before is None or getattr(before, name) != getattr(terms, name)
    }
    if before is not None and before.effective_from <= now and {"version", "effective_from"} & set(changes):
        raise TermsInForce
    if changes:
        terms.save()
        action = "terms.change" if before else "terms.create"
        audit.record(actor=actor, action=action, subject=terms, changes=changes, now=now)
    return terms


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, bool | str) else str(value)
