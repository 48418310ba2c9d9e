"""What an administrator does to an account: roles and reach, a new password, closing, opening again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.contrib.auth.password_validation import password_validators_help_texts
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from backoffice.admin.base import actor_of
from backoffice.admin.forms import VerbForm
from backoffice.admin.verbs import Act, Text, VerbView, visible_or_404
from backoffice.choices import Reach, Role
from backoffice.errors import Refusal
from backoffice.models import Brand, Store, User
from backoffice.services import credentials, staff
from backoffice.visits import visit_of


class ReasonForm(VerbForm):
    reason = forms.CharField(
        label=gettext_lazy("Reason"), max_length=200, widget=forms.Textarea(attrs={"rows": 2})
    )


class RolesForm(VerbForm):
    """Roles and reach; the brand and the stores only where the reach asks for them."""

    roles = forms.MultipleChoiceField(
        label=gettext_lazy("Roles"),
        choices=Role.choices,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
    )
    reach = forms.ChoiceField(label=gettext_lazy("Reach"), choices=Reach.choices)
    brand = forms.ModelChoiceField(
        label=gettext_lazy("Brand"),
        queryset=Brand.objects.none(),
        required=False,
        help_text=gettext_lazy("Needed when the reach is one brand."),
    )
    stores = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Stores"),
        queryset=Store.objects.none(),
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget(attrs={"class": "sk-many"}),
        help_text=gettext_lazy("Needed when the reach is named stores."),
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"), max_length=200, widget=forms.Textarea(attrs={"rows": 2})
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["brand"].queryset = Brand.objects.all()  # type: ignore[attr-defined]
        self.fields["stores"].queryset = Store.objects.all()  # type: ignore[attr-defined]

    def asked(self) -> dict[str, Any]:
        asked = super().asked()
        return {**asked, "stores": sorted(asked["stores"], key=lambda store: store.pk)}


class PasswordForm(ReasonForm):
    password = forms.CharField(
        label=gettext_lazy("New password"),
        max_length=1024,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    field_order = ("password", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].help_text = " ".join(password_validators_help_texts())


class StaffVerb(VerbView):
    """A verb on somebody else's account. Whose account one may touch, the service says."""

    permission = "backoffice.change_user"
    reauthenticate = True
    form_class: ClassVar[type[VerbForm]] = ReasonForm
    row: User

    def fetch(self, user: Any, pk: int) -> User:
        person: User = visible_or_404(User.objects.all(), user, pk)
        return person

    def back_url(self, row: User) -> str:
        return reverse("admin:backoffice_user_change", args=[row.pk])

    def summary(self, row: User) -> Sequence[tuple[Text, Any]]:
        return ((_("Full name"), row.name or "-"), (_("Username"), row.username))


class AssignView(StaffVerb):
    """Other roles, another reach; both count from the person's next request on."""

    name = "staff.assign"
    title = gettext_lazy("Roles and reach")
    confirm_label = gettext_lazy("Save")
    form_class = RolesForm

    def initial(self, row: User) -> dict[str, Any]:
        return {
            "roles": list(row.groups.values_list("name", flat=True)),
            "reach": row.reach,
            "brand": row.brand_id,
            "stores": list(row.stores.values_list("pk", flat=True)),
        }

    def perform(self, row: User, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        staff.assign_staff(
            actor=act.actor,
            user_id=row.pk,
            roles=[Role(name) for name in asked["roles"]],
            reach=Reach(asked["reach"]),
            brand=asked["brand"],
            stores=asked["stores"],
            reason=asked["reason"],
            now=act.now,
        )
        return {"user": row.pk}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _("Roles and reach were changed. They count from the next page on.")


class DisableView(StaffVerb):
    name = "staff.disable"
    title = gettext_lazy("Close this account")
    confirm_label = gettext_lazy("Close the account")
    dangerous = True

    def perform(self, row: User, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        staff.disable_staff(actor=act.actor, user_id=row.pk, reason=asked["reason"], now=act.now)
        return {"user": row.pk}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _("The account is closed. Its sessions, jobs and keys have ended.")


class EnableView(StaffVerb):
    name = "staff.enable"
    title = gettext_lazy("Open this account again")
    confirm_label = gettext_lazy("Open the account")

    def perform(self, row: User, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        staff.enable_staff(actor=act.actor, user_id=row.pk, reason=asked["reason"], now=act.now)
        return {"user": row.pk}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _("The account is open again.")


class ResetFactorView(StaffVerb):
    """For the day on which a phone is lost and the recovery codes with it."""

    name = "staff.reset_second_factor"
    title = gettext_lazy("Reset the second factor")
    confirm_label = gettext_lazy("Reset the second factor")
    dangerous = True

    def perform(self, row: User, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        credentials.reset_second_factor(
            actor=act.actor,
            user_id=row.pk,
            reason=asked["reason"],
            visit=visit_of(self.request),
            now=act.now,
        )
        return {"user": row.pk}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _("The second factor was reset. All sessions of this person have ended.")


class ResetPasswordView(StaffVerb):
    """A new password for somebody who forgot his."""

    name = "staff.reset_password"
    title = gettext_lazy("New password")
    confirm_label = gettext_lazy("Save the password")
    form_class = PasswordForm
    dangerous = True

    def confirm(self, form: VerbForm, asked: dict[str, Any], now: datetime) -> HttpResponse:
        # Not by way of the stored answers: their hash of the request would be an unsalted hash of the
        # password. A second click sets the same password once more.
        try:
            credentials.reset_password(
                actor=actor_of(self.request),
                user_id=self.row.pk,
                password=asked["password"],
                reason=asked["reason"],
                visit=visit_of(self.request),
                now=now,
            )
        except Refusal as refusal:
            return self.refused(form, asked, refusal, now)
        messages.success(self.request, _("The password was changed. All sessions of this person have ended."))
        return HttpResponseRedirect(self.back_url(self.row))


VERBS: dict[str, type[VerbView]] = {
    "assign": AssignView,
    "reset-password": ResetPasswordView,
    "reset-factor": ResetFactorView,
    "disable": DisableView,
    "enable": EnableView,
}
