"""Staff users. Roles are the seven ready-made groups; nobody hands out single permissions."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.forms import UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from backoffice.actors import Actor
from backoffice.admin.base import EVERYBODY, ServiceAdmin
from backoffice.admin.display import display
from backoffice.admin.proofs import first_prove
from backoffice.admin.staff_verbs import VERBS
from backoffice.admin.verbs import verb_paths, verb_url
from backoffice.choices import Reach, Role
from backoffice.errors import ReachIncomplete
from backoffice.models import User
from backoffice.selectors import has_second_factor, needs_second_factor
from backoffice.services import staff

if admin.site.is_registered(Group):
    admin.site.unregister(Group)


class RolesField(forms.ModelMultipleChoiceField):
    """The groups by the names of their roles."""

    def label_from_instance(self, obj: Any) -> str:
        return str(dict(Role.choices).get(obj.name, obj.name))


class StaffForm(forms.ModelForm):
    """How somebody is called and reached. Everything else about an account is a verb."""

    class Meta:
        model = User
        fields = ("name", "email")
        # Of fields that are only shown here: they tell how to fill them in.
        help_texts = {"username": "", "is_active": "", "brand": ""}


class NewStaffForm(UserCreationForm):
    class Meta:
        model = User
        fields = ("username", "name", "email", "groups", "reach", "brand", "stores")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        asks_for = {Reach.BRAND.value: "brand", Reach.STORES.value: "stores"}
        missing = asks_for.get(str(cleaned.get("reach")))
        if missing and not cleaned.get(missing):
            self.add_error(missing, str(ReachIncomplete()))
        return cleaned


@admin.register(User)
class StaffAdmin(UserAdmin, ServiceAdmin):  # type: ignore[misc]
    scope = EVERYBODY
    form = StaffForm
    add_form = NewStaffForm
    add_form_template = None
    list_display = ("name", "username", "roles", "reach", "brand", "is_active", "last_login")
    list_display_links = ("name", "username")
    list_filter = ("is_active", "reach", "groups")
    list_select_related = ("brand",)
    search_fields = ("username", "name", "email")
    ordering = ("username",)
    filter_horizontal = ()
    autocomplete_fields = ("stores",)
    change_form_outer_before_template = "admin/staff_verbs.html"
    fieldsets = (
        (None, {"fields": ("username", "name", "email", "is_active")}),
        (_("Roles and reach"), {"fields": ("held", "reach", "brand", "shops")}),
        (_("Traces"), {"fields": ("second_factor", "last_login", "date_joined")}),
    )
    add_fieldsets = (
        (None, {"classes": ("wide",), "fields": ("username", "name", "email", "password1", "password2")}),
        (_("Roles and reach"), {"classes": ("wide",), "fields": ("groups", "reach", "brand", "stores")}),
    )
    kept = (
        "username", "is_active", "held", "reach", "brand", "shops", "second_factor", "last_login",
        "date_joined",
    )  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return self.kept if obj else ()

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

    # --- Doors ------------------------------------------------------------------------------------------
    def get_urls(self) -> list[Any]:
        return [*verb_paths(self, VERBS), *super().get_urls()]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Whoever keeps the staff list must not raise himself to superuser by editing one.
        user: Any = request.user
        if obj is not None and obj.is_superuser and not user.is_superuser:
            return False
        return super().has_change_permission(request, obj)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        if self.has_add_permission(request) and (to_proof := first_prove(request)):
            return to_proof
        response: HttpResponse = super().add_view(request, form_url, extra_context)
        return response

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        context = {**(extra_context or {}), "verbs": self._verbs(request, object_id)}
        response: HttpResponse = super().change_view(request, object_id, form_url, context)
        return response

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        """The stock page saves behind the services' back; the verb takes its place."""
        return HttpResponseRedirect(verb_url(User, "reset-password", int(id)))

    def write(self, request: HttpRequest, row: User, form: Any, *, change: bool, actor: Actor) -> None:
        now = timezone.now()
        if change:
            staff.edit_staff(actor=actor, user_id=row.pk, name=row.name, email=row.email, now=now)
            return
        asked = form.cleaned_data
        created = staff.create_staff(
            actor=actor,
            username=asked["username"],
            name=asked["name"],
            email=asked["email"],
            password=asked["password1"],
            roles=[Role(group.name) for group in asked["groups"]],
            reach=Reach(asked["reach"]),
            brand=asked["brand"],
            stores=list(asked["stores"]),
            now=now,
        )
        row.pk = created.pk

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Roles and stores are the service's as well."""

    # --- What is shown ----------------------------------------------------------------------------------
    def _verbs(self, request: HttpRequest, object_id: str) -> list[tuple[Any, str, bool]]:
        """(label, address, dangerous) of what the signed-in person may do to this account."""
        person = self.get_object(request, object_id)
        if person is None or person.pk == request.user.pk or not self.has_change_permission(request, person):
            return []
        slugs = ["assign", "reset-password"]
        slugs += ["reset-factor"] if has_second_factor(person) else []
        slugs.append("disable" if person.is_active else "enable")
        return [(VERBS[slug].title, verb_url(User, slug, person.pk), slug == "disable") for slug in slugs]

    @display(description=_("roles"), label=True)
    def roles(self, user: User) -> list[str]:
        names = dict(Role.choices)
        return [str(names.get(group.name, group.name)) for group in user.groups.all()]

    @display(description=_("roles"))
    def held(self, user: User) -> str:
        return ", ".join(self.roles(user)) or "-"

    @display(description=_("stores"))
    def shops(self, user: User) -> str:
        return ", ".join(str(store) for store in user.stores.all()) or "-"

    @display(description=_("second factor"))
    def second_factor(self, user: User) -> Any:
        if Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).exists():
            return _("set up")
        return _("missing, and needed for the roles") if needs_second_factor(user) else _("none")
