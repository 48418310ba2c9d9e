"""The two verbs by which a colleague tags a member, with a tag of the registry or with a new one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django import forms
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.admin.forms import VerbForm
from backoffice.admin.verbs import Act, Text, VerbView, visible_or_404
from members.models import Member, Tag
from members.selectors.tags import carried
from members.services import tags
from members.tag_names import LONGEST

DEFINE = "members.add_tag"


class TagForm(VerbForm):
    tag = forms.ModelChoiceField(label=gettext_lazy("Tag"), queryset=Tag.objects.none())


class GiveTagForm(TagForm):
    """A tag of the registry, or all that the registry asks of a new one (S38)."""

    name = forms.CharField(label=gettext_lazy("Or a new tag"), max_length=LONGEST, required=False)
    group = forms.CharField(label=gettext_lazy("Group"), max_length=LONGEST, required=False)
    definition = forms.CharField(
        label=gettext_lazy("Definition"),
        max_length=1000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("Who gets this tag, and what it is used for."),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        chosen, name = cleaned.get("tag"), cleaned.get("name")
        if "name" in self.fields and not self.errors:
            if bool(chosen) == bool(name):
                raise forms.ValidationError(_("Choose a tag, or name a new one."))
            for field in ("group", "definition"):
                if name and not cleaned.get(field):
                    self.add_error(field, _("A new tag needs this."))
        return cleaned


class GiveTagView(VerbView):
    """Put a tag on this member (S39)."""

    name = "members.tag_member"
    title = gettext_lazy("Add a tag")
    confirm_label = gettext_lazy("Save")
    permission = "members.tag_member"
    form_class: ClassVar[type[VerbForm]] = GiveTagForm

    def fetch(self, user: Any, pk: int) -> Member:
        member: Member = visible_or_404(Member.objects.visible_to(user), user, pk)
        return member

    def make_form(self, row: Member, data: Any = None, **kwargs: Any) -> VerbForm:
        form = super().make_form(row, data, **kwargs)
        choice: Any = form.fields["tag"]
        choice.queryset = self.choices(row)
        if "name" in form.fields:
            if self.user.has_perm(DEFINE):
                choice.required = choice.widget.is_required = False
            else:
                for field in ("name", "group", "definition"):
                    del form.fields[field]
        return form

    def choices(self, row: Member) -> Any:
        return Tag.objects.active_on(timezone.localdate()).exclude(carriers__member=row)

    def summary(self, row: Member) -> Sequence[tuple[Text, Any]]:
        names = [one.tag.name for one in carried(row, timezone.localdate())]
        return ((_("Member card"), row.card_no), (_("Tags"), "、".join(names) or "-"))

    def perform(self, row: Member, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        if asked["tag"] is not None:
            tags.tag_member(member=row, tag_id=asked["tag"].pk, actor=act.actor, now=act.now)
            return {"tag": asked["tag"].name}
        made = tags.tag_member_anew(
            member=row, name=asked["name"], group=asked["group"], definition=asked["definition"],
            actor=act.actor, now=act.now,
        )  # fmt: skip
        return {"tag": made.name}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _("The tag “%(name)s” was added.") % {"name": body["tag"]}

    def back_url(self, row: Member) -> str:
        return reverse("admin:members_member_change", args=[row.pk]) + "#tags"


class TakeTagView(GiveTagView):
    name = "members.untag_member"
    title = gettext_lazy("Take a tag away")
    form_class = TagForm
    dangerous = True

    def choices(self, row: Member) -> Any:
        return Tag.objects.filter(carriers__member=row)

    def perform(self, row: Member, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        tags.untag_member(member=row, tag_id=asked["tag"].pk, actor=act.actor, now=act.now)
        return {"tag": asked["tag"].name}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        return _("The tag “%(name)s” was taken away.") % {"name": body["tag"]}
