"""What the desk's verbs on a member have in common, and which of them stand on his page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from django import forms
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.actors import Actor
from backoffice.admin.verbs import Text, VerbView, verb_url, visible_or_404
from backoffice.errors import Refusal
from members.admin.masks import UNMASK, shown
from members.choices import LIVING, MemberStatus
from members.errors import PhoneTaken
from members.models import Member

RELATED = ("brand", "joined_store", "referring_store")


@dataclass(frozen=True, slots=True)
class Door:
    """A verb on the member page: its route, its button, who may open it and in which states of the member."""

    slug: str
    label: Text
    permissions: tuple[str, ...]
    statuses: Sequence[str] = LIVING
    # The page of another app; empty: a verb of the member's own admin.
    route: str = ""

    def url(self, member_id: int) -> str:
        return reverse(self.route, args=[member_id]) if self.route else verb_url(Member, self.slug, member_id)


DOORS = (
    Door("reveal", gettext_lazy("Unmask"), (UNMASK,)),
    Door("profile", gettext_lazy("Edit profile"), ("members.change_member", UNMASK)),
    Door("note", gettext_lazy("Add a note"), ("members.note_member",)),
    Door("consent", gettext_lazy("Consent"), ("members.record_consent",)),
    Door("card", gettext_lazy("Show the card"), ("members.view_member",)),
    Door("replace-card", gettext_lazy("Replace the card"), ("members.replace_card",)),
    Door("answer", gettext_lazy("Check the security answer"), ("members.check_answer",)),
    Door(
        "claim-card", gettext_lazy("Join a blank card"), ("members.claim_card",), (MemberStatus.ACTIVE.value,)
    ),
    Door("merge", gettext_lazy("Merge"), ("members.merge_member",), (MemberStatus.ACTIVE.value,)),
    Door("phone", gettext_lazy("Change the phone"), ("members.change_phone",)),
    Door("freeze", gettext_lazy("Freeze"), ("members.freeze_member",), (MemberStatus.ACTIVE.value,)),
    Door("unfreeze", gettext_lazy("Unfreeze"), ("members.freeze_member",), (MemberStatus.FROZEN.value,)),
)


_doors_of_others: list[Door] = []


def add_door(door: Door) -> None:
    """A verb of an upper app that starts from the member page."""
    _doors_of_others.append(door)


def doors_of(member: Member, user: Any) -> list[tuple[Text, str]]:
    """(label, address) of what this user may do with this member now."""
    return [
        (door.label, door.url(member.pk))
        for door in (*DOORS, *_doors_of_others)
        if member.status in door.statuses and all(user.has_perm(name) for name in door.permissions)
    ]


def page_url(member_id: int) -> str:
    return reverse("admin:members_member_change", args=[member_id])


def staff_actor(user: Any) -> Actor:
    """The signed-in user with the request that he sent."""
    return Actor.staff(user, str(structlog.contextvars.get_contextvars().get("request_id", "")))


def way_to_owner(refusal: Refusal, user: Any) -> list[tuple[Text, str]]:
    """A link to the member who has the phone already, when this user may see him."""
    if not isinstance(refusal, PhoneTaken):
        return []
    owner = Member.objects.visible_to(user).filter(pk=refusal.member_id).first()
    return [(_("Open the member who has this phone"), page_url(owner.pk))] if owner else []


def reason_field() -> forms.CharField:
    return forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("In words, for whoever looks at it later. No phone numbers."),
    )


class MemberVerb(VerbView):
    """A verb on one member: found within reach, shown masked, back to his page."""

    row: Any

    def fetch(self, user: Any, pk: int) -> Member:
        rows = Member.objects.visible_to(user).select_related(*RELATED)
        member: Member = visible_or_404(rows, user, pk)
        return member

    def summary(self, row: Member) -> Sequence[tuple[Text, Any]]:
        person = shown(row)
        return (
            (_("Member"), person.name or "-"),
            (_("Mobile phone"), person.phone or "-"),
            (_("Card number"), row.card_no),
            (_("Status"), row.get_status_display()),
        )

    def ways_out(self, refusal: Refusal) -> Sequence[tuple[Text, str]]:
        return way_to_owner(refusal, self.user)

    def back_url(self, row: Member) -> str:
        return page_url(row.pk)
