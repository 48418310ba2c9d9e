"""The ledger as a file: what each entry says, who booked it, and how its number came about."""

from __future__ import annotations

import json
from typing import Any

from django.utils.translation import gettext_lazy as _
from import_export.resources import ModelResource

from backoffice.choices import ActorType
from backoffice.services.exports.columns import label, moment, out
from backoffice.services.imports.columns import ImportWidget
from points.choices import EntryKind
from points.models import Entry


class JsonWidget(ImportWidget):
    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return json.dumps(value, ensure_ascii=False, sort_keys=True) if value else ""


class HexWidget(ImportWidget):
    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return bytes(value).hex() if value else ""


class EntryResource(ModelResource):
    """One line for each entry. With `row_hash` and `seq` a reader can prove the chain of every account."""

    id = out("id", _("entry"))
    card_no = out("account__member__card_no", _("card number"))
    external_id = out("account__member__external_id", _("external number"))
    program = out("account__program__code", _("points program"))
    seq = out("seq", _("number"))
    kind = label("kind", _("kind"), EntryKind)
    points = out("points", _("points"))
    balance_after = out("balance_after", _("balance after"))
    debt_delta = out("debt_delta", _("debt change"))
    occurred_at = moment("occurred_at", _("happened"))
    created_at = moment("created_at", _("booked"))
    store = out("store__code", _("store"))
    source_type = out("source_type", _("source kind"))
    source_id = out("source_id", _("source"))
    reverses = out("reverses_id", _("undoes"))
    actor_type = label("actor_type", _("actor kind"), ActorType)
    actor_id = out("actor_id", _("actor"))
    reason = out("reason", _("reason"))
    note = out("note", _("note"), personal=True)
    explanation = out("explanation", _("explanation"), JsonWidget())
    row_hash = out("row_hash", _("hash"), HexWidget())

    class Meta:
        model = Entry
        fields = (
            "id", "card_no", "external_id", "program", "seq", "kind", "points", "balance_after",
            "debt_delta", "occurred_at", "created_at", "store", "source_type", "source_id", "reverses",
            "actor_type", "actor_id", "reason", "note", "explanation", "row_hash",
        )  # fmt: skip
