"""Rows of the house for tests: brands, stores, staff with a role and a reach, jobs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import factory
from factory.django import DjangoModelFactory

from backoffice.choices import Reach, Role
from backoffice.models import Brand, Job, Store, User

NOW = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
PASSWORD = "a-password-for-tests"


class BrandFactory(DjangoModelFactory[Brand]):
    class Meta:
        model = Brand

    code = factory.Sequence(lambda n: f"brand{n}")
    name = factory.Sequence(lambda n: f"品牌 {n}")


class StoreFactory(DjangoModelFactory[Store]):
    class Meta:
        model = Store

    brand = factory.SubFactory(BrandFactory)
    code = factory.Sequence(lambda n: f"S{n:03}")
    name = factory.Sequence(lambda n: f"門市 {n}")
    county = "臺北市"


class UserFactory(DjangoModelFactory[User]):
    """Staff. `UserFactory(role=Role.CLERK, stores=[store])` sees that store; without `stores` everything.

    `role` brings the group with its permissions, so the test needs no `sync_roles` of its own.
    """

    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"staff{n}")
    name = factory.Sequence(lambda n: f"員工 {n}")
    password = factory.django.Password(PASSWORD)
    is_staff = True
    reach = Reach.GROUP.value

    @classmethod
    def _create(cls, model_class: type[User], *args: Any, **kwargs: Any) -> User:
        from backoffice.services.roles import group_of

        role = kwargs.pop("role", None)
        stores = kwargs.pop("stores", None)
        if stores is not None and kwargs["reach"] == Reach.GROUP:
            kwargs["reach"] = Reach.STORES.value
        user = super()._create(model_class, *args, **kwargs)
        if stores is not None:
            user.stores.set(stores)
        if role is not None:
            user.groups.add(group_of(Role(role)))
        return user


class JobFactory(DjangoModelFactory[Job]):
    class Meta:
        model = Job

    kind = "tests.count"
    key = factory.Sequence(lambda n: f"job-{n}")
    run_at = NOW
    created_at = NOW
