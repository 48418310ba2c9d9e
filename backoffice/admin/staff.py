"""Staff users. Roles are the seven ready-made groups; nobody hands out single permissions."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from backoffice.admin.base import EVERYBODY, ScopedModelAdmin
from backoffice.admin.display import display
from backoffice.choices import Role
from backoffice.models import User

if admin.site.is_registered(Group):
    admin.site.unregister(Group)


class RolesField(forms.ModelMultipleChoiceField):
    """The groups by the names of their roles."""

    def label_from_instance(self, obj: Any) -> str:
        return str(dict(Role.choices).get(obj.name, obj.name))


class StaffForm(UserChangeForm):
    class Meta:
        model = User
        fields = ("username", "name", "email", "is_active", "is_staff", "groups", "reach", "brand", "stores")


class NewStaffForm(UserCreationForm):
    class Meta:
        model = User
        fields = ("username", "name")


@admin.register(User)
class StaffAdmin(UserAdmin, ScopedModelAdmin):  # type: ignore[misc]
    scope = EVERYBODY
    form = StaffForm
    add_form = NewStaffForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("name", "username", "roles", "reach", "brand", "is_active", "last_login")
    list_display_links = ("name", "username")
    list_filter = ("is_active", "reach", "groups")
    list_select_related = ("brand",)
    search_fields = ("username", "name", "email")
    ordering = ("username",)
    filter_horizontal = ()
    autocomplete_fields = ("stores",)
    fieldsets = (
        (None, {"fields": ("username", "password", "name", "email", "is_active")}),
        (_("Roles and reach"), {"fields": ("is_staff", "groups", "reach", "brand", "stores")}),
        (_("Traces"), {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (None, {"classes": ("wide",), "fields": ("username", "name", "password1", "password2")}),
    )
    readonly_fields = ("last_login", "date_joined")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).prefetch_related("groups")

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "groups":
            return RolesField(
                queryset=Group.objects.filter(name__in=Role.values).order_by("id"),
                required=False,
                label=_("roles"),
                widget=UnfoldAdminCheckboxSelectMultipleWidget(),
            )
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Whoever keeps the staff list must not raise himself to superuser by editing one.
        user: Any = request.user
        if obj is not None and obj.is_superuser and not user.is_superuser:
            return False
        return super().has_change_permission(request, obj)

    @display(description=_("roles"), label=True)
    def roles(self, user: User) -> list[str]:
        names = dict(Role.choices)
        return [str(names.get(group.name, group.name)) for group in user.groups.all()]
