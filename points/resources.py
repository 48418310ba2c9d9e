"""Files of points: the columns, one definition for what comes in, for templates and for what goes out."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from import_export.resources import ModelResource

from backoffice.choices import ActorType
from backoffice.services.exports.columns import HexWidget, JsonWidget, label, moment, out
from backoffice.services.imports.columns import ImportColumn, Text
from members.import_widgets import TextWidget
from members.resources import MemberResource
from points.choices import EntryKind
from points.import_widgets import REASONS, ExpiryWidget, PointsWidget, ReasonWidget
from points.models import Entry
from points.services.imports.fields import POINT_COLUMNS

TOO_LONG: dict[str, Text] = {"too_long": _("at most %(most)s characters; here are %(found)s")}
WHOLE = _("a whole number of at most seven digits, without commas, such as 1000")


def _member(name: str) -> ImportColumn:
    """A column by which a member is found, as member files have it."""
    column = MemberResource.fields[name]
    assert isinstance(column, ImportColumn)
    return ImportColumn(
        attribute=f"member__{name}",
        title=column.title,
        expected=column.expected,
        synonyms=column.synonyms,
        widget=column.widget,
        faults=column.faults,
        example=column.example if name == "phone" else "",
        personal=column.personal,
    )


class PointsResource(ModelResource):
    """A line is one entry. `phone`, `card_no` or `external_id` finds the member; references are unique."""

    phone = _member("phone")
    card_no = _member("card_no")
    external_id = _member("external_id")
    points = ImportColumn(
        attribute="points",
        title=_("points"),
        expected=WHOLE,
        synonyms=(
            "點數",
            "點",
            "紅利",
            "紅利點數",
            "會員點數",
            "期初點數",
            "初始點數",
            "可用點數",
            "剩餘點數",
            "累積點數",
            "贈點",
            "贈送點數",
            "扣點",
            "扣除點數",
            "異動點數",
            "餘額",
            "point",
            "balance",
            "amount",
        ),
        widget=PointsWidget(),
        faults={
            "zero": _("a number above 0"),
            "negative": _("a number above 0; only deductions take points"),
        },
        example="100",
    )
    reason = ImportColumn(
        attribute="reason",
        title=_("reason"),
        expected=_("one of the reasons for corrections, in words or as its code"),
        synonyms=("原因", "事由", "理由", "原因代碼", "reason_code"),
        widget=ReasonWidget(),
        choices=lambda: [str(code.label) for code in REASONS],
        example="goodwill",
    )
    expires = ImportColumn(
        attribute="lot__expires_at",
        title=_("usable until"),
        expected=_("the last usable day, such as 2026-12-31, or never"),
        synonyms=(
            "到期日",
            "有效期限",
            "使用期限",
            "到期",
            "效期",
            "點數到期日",
            "expiry",
            "expires_at",
            "expiry_date",
        ),
        widget=ExpiryWidget(),
        example="2027-12-31",
    )
    program = ImportColumn(
        attribute="account__program__code",
        title=_("points program"),
        expected=_("the code or the name of an active program"),
        synonyms=("點數方案", "點數計畫", "方案", "program_code"),
        widget=TextWidget(60),
    )
    reference = ImportColumn(
        attribute="source_id",
        title=_("reference"),
        expected=_("at most 64 characters, each once in a file"),
        synonyms=("參考編號", "單號", "流水號", "憑證", "憑證號碼", "ref", "reference_no"),
        widget=TextWidget(64),
        faults=TOO_LONG,
        example="A-0001",
    )
    note = ImportColumn(
        attribute="note",
        title=_("note"),
        expected=_("at most 500 characters"),
        synonyms=("備註", "說明", "註記", "remark", "memo", "comment"),
        widget=TextWidget(500),
        faults=TOO_LONG,
    )

    class Meta:
        model = Entry
        fields = POINT_COLUMNS


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
