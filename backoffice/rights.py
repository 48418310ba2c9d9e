"""What a person may do comes from his roles alone."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Permission
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef


class RoleBackend(ModelBackend):
    """Django's backend without rights of single persons.

    `roles.py` is the one table of who may do what. A right that was hung on one person, by SQL or from a
    shell, would stand in no role and be seen by nobody. It also saves every page a query.
    """

    def get_user(self, user_id: Any) -> Any:
        """The signed-in user, with the brands of his stores: most of what a page asks is cut by them."""
        users = get_user_model()._default_manager
        brands = users.filter(pk=OuterRef("pk"), stores__isnull=False).order_by().values("stores__brand")
        user = users.annotate(store_brands=ArraySubquery(brands)).filter(pk=user_id).first()
        return user if user is not None and self.user_can_authenticate(user) else None

    def _get_user_permissions(self, user_obj: Any) -> Any:
        return Permission.objects.none()
