"""Base classes of every admin: scoped, dense, without deletion. Only this package knows the theme."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.auth import get_permission_codename
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from unfold.admin import ModelAdmin, StackedInline, TabularInline

from backoffice.actors import Actor
from backoffice.admin.pagination import EstimatingPaginator
from backoffice.choices import Reach
from backoffice.errors import Refusal
from backoffice.visits import request_id

if TYPE_CHECKING:
    from backoffice.models import User

__all__ = [
    "EVERYBODY", "ReadOnlyAdmin", "ReadOnlyInline", "ScopedModelAdmin", "ServiceAdmin", "StackedInline",
    "TabularInline", "actor_of", "narrow",
]  # fmt: skip

EVERYBODY = "everybody"


def narrow(rows: QuerySet[Any], user: User, path: str | None) -> QuerySet[Any]:
    """The rows of `rows` that `user` may see.

    By the model's own `visible_to`, or by that of the related model at `path` (`"account"`, `"member"`).
    Raises ImproperlyConfigured for a model that names neither: forgotten scope must not show everything.
    """
    if path == EVERYBODY:
        return rows
    if path is None:
        if not hasattr(rows, "visible_to"):
            raise ImproperlyConfigured(f"{rows.model.__name__}: no visible_to() and no scope")
        return rows.visible_to(user)
    if user.is_active and user.reach == Reach.GROUP:
        return rows
    related: Any = rows.model
    for step in path.split("__"):
        related = related._meta.get_field(step).related_model
    return rows.filter(**{f"{path}__in": related._default_manager.visible_to(user)})


class ScopedModelAdmin(ModelAdmin):
    """An admin whose lists, choices and pages hold only what the signed-in user may see.

    `scope`: None for models with `visible_to`, a path to one that has it, or EVERYBODY for rows that belong
    to no shop. Nothing can be deleted here; a model that allows it says so itself.
    """

    scope: str | None = None
    paginator = EstimatingPaginator
    show_full_result_count = False
    list_per_page = 50
    list_filter_sheet = True
    save_on_top = False
    view_on_site = False
    compressed_fields = True
    empty_value_display = "-"

    def __init__(self, model: type[Model], admin_site: Any) -> None:
        super().__init__(model, admin_site)
        if self.scope is None and not hasattr(model._default_manager.none(), "visible_to"):
            raise ImproperlyConfigured(f"{type(self).__name__}: say whose rows these are (scope)")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return narrow(super().get_queryset(request), request.user, self.scope)  # type: ignore[arg-type]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Only what the list offers as a filter.

        Django lets any column of the model through, and `?phone__startswith=+88691` tells a phone number
        digit by digit to somebody who sees it masked (T19). No column holds a NUL byte, and the
        database would fail on one instead of finding nothing.
        """
        if "\x00" in str(value):
            return False
        offered = {self.date_hierarchy} if self.date_hierarchy else set()
        for item in self.get_list_filter(request):
            named = item[0] if isinstance(item, list | tuple) else item
            offered.add(named if isinstance(named, str) else getattr(named, "parameter_name", ""))
        offered.discard("")
        if not any(lookup == name or lookup.startswith(f"{name}__") for name in offered):
            return False
        return super().lookup_allowed(lookup, value, request)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        kwargs.setdefault("queryset", self._choices(db_field, request))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        kwargs.setdefault("queryset", self._choices(db_field, request))
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def get_field_queryset(self, db: Any, db_field: Any, request: HttpRequest) -> QuerySet[Any] | None:
        return self._choices(db_field, request)

    @staticmethod
    def _choices(db_field: models.Field[Any, Any], request: HttpRequest) -> QuerySet[Any]:
        rows = db_field.remote_field.model._default_manager.all()  # type: ignore[union-attr]
        return rows.visible_to(request.user) if hasattr(rows, "visible_to") else rows

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions


class ServiceAdmin(ScopedModelAdmin):
    """An admin whose form hands the edited row to one service: `write`, and `take_away` where rows may go.

    What the service refuses is shown as its sentence, and nothing is written.
    """

    def write(self, request: HttpRequest, row: Any, form: Any, *, change: bool, actor: Actor) -> None:
        """ONE service call. A new row's key must be on `row` afterwards."""
        raise NotImplementedError

    def take_away(self, row: Any, actor: Actor) -> None:
        raise NotImplementedError

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        self.write(request, obj, form, change=change, actor=actor_of(request))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self.take_away(obj, actor_of(request))

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        # Outside the transaction of the form, so that a refusal rolls all of it back.
        try:
            response: HttpResponse = super().changeform_view(request, *args, **kwargs)
        except Refusal as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(request.get_full_path())
        return response

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            response: HttpResponse = super().delete_view(request, *args, **kwargs)
        except Refusal as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(request.get_full_path())
        return response


def actor_of(request: HttpRequest) -> Actor:
    """The signed-in person, with the id of his request."""
    user: Any = request.user
    return Actor.staff(user, request_id())


class ReadOnlyAdmin(ScopedModelAdmin):
    """For books and traces: looked at, never touched, not even by a superuser (T20)."""

    actions = None
    list_display_links: Any = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        codename = get_permission_codename("view", self.opts)
        return request.user.has_perm(f"{self.opts.app_label}.{codename}")


class ReadOnlyInline(TabularInline):
    """Rows below a read-only or partly editable page."""

    extra = 0
    max_num = 0
    can_delete = False
    hide_title = True
    show_change_link = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
