"""Checking the answer to a member's security question (S12): match or no match, nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.admin.forms import VerbForm
from backoffice.admin.verbs import Act, Text
from members.admin.desk import MemberVerb
from members.models import Member, SecurityAnswer
from members.services.proofs_of_members import test_answer


class AnswerForm(VerbForm):
    answer = forms.CharField(
        label=gettext_lazy("What the member answers"), max_length=60,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
    )  # fmt: skip


class CheckAnswerView(MemberVerb):
    name = "members.check_answer"
    title = gettext_lazy("Check the security answer")
    confirm_label = gettext_lazy("Check")
    permission = "members.check_answer"
    form_class = AnswerForm

    def summary(self, row: Member) -> Sequence[tuple[Text, Any]]:
        kept = SecurityAnswer.objects.filter(member=row).first()
        question = kept.question if kept else _("None: the member sets one in the app.")
        return (*super().summary(row), (_("Security question"), question))

    def perform(self, row: Member, asked: Mapping[str, Any], act: Act) -> dict[str, Any]:
        matches = test_answer(member=row, answer=asked["answer"], actor=act.actor, now=act.now)
        return {"member": row.pk, "matches": matches}

    def done_message(self, body: Mapping[str, Any]) -> Text:
        if body["matches"]:
            return _("The answer matches.")
        return _("The answer does not match. After five tries within an hour no more are taken.")
