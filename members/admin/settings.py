"""What a brand asks for, and which member card belongs to which colleague."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from backoffice.actors import Actor
from backoffice.admin.base import EVERYBODY, ServiceAdmin
from backoffice.admin.display import display
from backoffice.admin.forms import dress
from members.admin.purchases import card_link
from members.models import Member, MembershipTerms, ProfileFieldRule, StaffCard
from members.services import house_rules, terms


@admin.register(ProfileFieldRule)
class ProfileFieldRuleAdmin(ServiceAdmin):
    scope = EVERYBODY
    list_display = ("field", "need", "brand")
    list_filter = ("need",)
    list_select_related = ("brand",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # A rule is a setting; without it the field is optional.
        return request.user.has_perm("members.delete_profilefieldrule")

    def write(
        self, request: HttpRequest, row: ProfileFieldRule, form: Any, *, change: bool, actor: Actor
    ) -> None:
        house_rules.save_rule(rule=row, actor=actor, now=timezone.now())

    def take_away(self, row: ProfileFieldRule, actor: Actor) -> None:
        house_rules.delete_rule(rule=row, actor=actor, now=timezone.now())


class StaffCardForm(forms.ModelForm):
    """Asks for the number on the card: a list of members to choose from would name them all."""

    card_no = forms.CharField(label=_("card number"), max_length=16)

    class Meta:
        model = StaffCard
        fields = ("user",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self.fields["card_no"])
        if self.instance.pk:
            self.fields["card_no"].initial = self.instance.member.card_no

    def clean_card_no(self) -> str:
        card_no = str(self.cleaned_data["card_no"]).strip()
        member = Member.objects.living().filter(card_no=card_no).first()
        if member is None:
            raise forms.ValidationError(_("There is no living member with this card number."))
        self.instance.member = member
        return card_no


@admin.register(StaffCard)
class StaffCardAdmin(ServiceAdmin):
    scope = "member"
    form = StaffCardForm
    fields = ("user", "card_no")
    list_display = ("user", "card")
    list_select_related = ("user", "member")
    autocomplete_fields = ("user",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("members.delete_staffcard")

    def write(self, request: HttpRequest, row: StaffCard, form: Any, *, change: bool, actor: Actor) -> None:
        house_rules.save_staff_card(card=row, actor=actor, now=timezone.now())

    def take_away(self, row: StaffCard, actor: Actor) -> None:
        house_rules.delete_staff_card(card=row, actor=actor, now=timezone.now())

    @display(description=_("member"))
    def card(self, staff_card: StaffCard) -> str:
        return card_link(staff_card.member)


@admin.register(MembershipTerms)
class MembershipTermsAdmin(ServiceAdmin):
    scope = EVERYBODY
    list_display = ("version", "effective_from", "must_accept", "url")

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "url":
            kwargs["assume_scheme"] = "https"
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def write(
        self, request: HttpRequest, row: MembershipTerms, form: Any, *, change: bool, actor: Actor
    ) -> None:
        terms.save_terms(terms=row, actor=actor, now=timezone.now())
