"""Who may undo what happened at another store: pages ask before, services when they book."""

from __future__ import annotations

from django.db.models import BooleanField, Case, Expression, Q, Value, When

from backoffice.choices import Reach
from backoffice.models import User

# Whoever may approve what others ask for may also act for another store (T15).
APPROVER = "points.approve_correction"


def acts_for_all_stores(user: User) -> bool:
    """Whether `user` may undo what happened at a store that is not his."""
    return user.reach != Reach.STORES or user.has_perm(APPROVER)


def at_other_store(user: User) -> Expression:
    """For rows with a `store`: true where `user` has to leave undoing to that store. No query of its own."""
    if acts_for_all_stores(user):
        return Value(False)
    own = Q(store=None) | Q(store__in=user.stores.order_by().values("pk"))
    return Case(When(own, then=Value(False)), default=Value(True), output_field=BooleanField())
