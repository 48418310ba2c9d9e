"""Files about members: the columns, one definition for what comes in and what goes out."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from import_export.resources import ModelResource

from backoffice.services.exports.columns import label, moment, out
from backoffice.services.imports.columns import ImportColumn, Text
from members.choices import Channel, Gender, OrderType
from members.import_widgets import (
    CHANNELS,
    GENDERS,
    CardWidget,
    ChoiceWidget,
    DateWidget,
    EmailWidget,
    PhoneWidget,
    TextWidget,
    YesNoWidget,
)
from members.models import Member, Purchase
from members.services.imports.fields import MEMBER_COLUMNS, TAG_LIST_COLUMNS
from members.tag_names import TagsWidget

TOO_LONG: dict[str, Text] = {"too_long": _("at most %(most)s characters; here are %(found)s")}
PHONE = _("0912-345-678, or + and the country code")
DAY = _("2026-01-31, 2026/1/31, 民國115年1月31日")
YES_NO = _("yes or no: Y / N, 是 / 否, 同意 / 不同意")


class MemberResource(ModelResource):
    """`phone`, `external_id` and `card_no` may find a member. Consents are answers, the latest counts."""

    external_id = ImportColumn(
        attribute="external_id",
        title=_("external number"),
        expected=_("1 to 64 characters"),
        synonyms=("會員編號", "會員代號", "客戶編號", "顧客編號", "member_no", "member_id", "customer_id"),
        widget=TextWidget(64),
        example="H00001",
    )
    phone = ImportColumn(
        attribute="phone",
        title=_("mobile phone"),
        expected=PHONE,
        synonyms=(
            "手機",
            "手機號碼",
            "電話",
            "行動電話",
            "聯絡電話",
            "mobile",
            "mobile_phone",
            "cellphone",
            "tel",
        ),
        widget=PhoneWidget(),
        example="0912-345-678",
        personal=True,
    )
    card_no = ImportColumn(
        attribute="card_no",
        title=_("card number"),
        expected=_("the 16 digits of a member card"),
        synonyms=("卡號", "會員卡號", "card", "card_number"),
        widget=CardWidget(),
    )
    name = ImportColumn(
        attribute="name",
        title=_("full name"),
        expected=_("at most 60 characters"),
        synonyms=("姓名", "會員姓名", "顧客姓名", "客戶姓名", "name", "fullname"),
        widget=TextWidget(60, compatible=True),
        faults=TOO_LONG,
        example="王小明",
        personal=True,
    )
    gender = ImportColumn(
        attribute="gender",
        title=_("gender"),
        expected=_("female, male or other: 女, 男, 其他"),
        synonyms=("性別", "sex"),
        widget=ChoiceWidget(GENDERS, Gender),
        choices=lambda: [str(gender.label) for gender in (Gender.FEMALE, Gender.MALE, Gender.OTHER)],
        example="女",
    )
    birthday = ImportColumn(
        attribute="birthday",
        title=_("birthday"),
        expected=DAY,
        synonyms=("生日", "出生日期", "出生年月日", "birthdate", "birth_date", "dob"),
        widget=DateWidget(),
        example="1990-05-05",
        personal=True,
    )
    email = ImportColumn(
        attribute="email",
        title=_("e-mail"),
        expected=_("an address such as wang@example.com"),
        synonyms=("電子郵件", "電子信箱", "信箱", "email", "mail"),
        widget=EmailWidget(),
        faults=TOO_LONG,
        example="wang@example.com",
        personal=True,
    )
    county = ImportColumn(
        attribute="county",
        title=_("county or city"),
        expected=_("at most 20 characters"),
        synonyms=("縣市", "城市", "city"),
        widget=TextWidget(20),
        faults=TOO_LONG,
        example="臺北市",
    )
    district = ImportColumn(
        attribute="district",
        title=_("district"),
        expected=_("at most 20 characters"),
        synonyms=("行政區", "鄉鎮市區", "區域", "township"),
        widget=TextWidget(20),
        faults=TOO_LONG,
        example="信義區",
    )
    address = ImportColumn(
        attribute="address",
        title=_("address"),
        expected=_("at most 200 characters"),
        synonyms=("地址", "通訊地址", "聯絡地址"),
        widget=TextWidget(200),
        faults=TOO_LONG,
        example="市府路 45 號",
        personal=True,
    )
    referring_store = ImportColumn(
        attribute="referring_store__code",
        title=_("referring store"),
        expected=_("the code of one store"),
        synonyms=("推薦門市", "門市", "門市代號", "所屬門市", "store", "store_code"),
        widget=TextWidget(32),
        faults={"two_brands": _("a code that only one brand uses"), **TOO_LONG},
        example="TPE01",
    )
    joined_at = ImportColumn(
        attribute="joined_at",
        title=_("joined"),
        expected=DAY,
        synonyms=("加入日期", "入會日期", "入會日", "註冊日期", "joined", "join_date", "registered"),
        widget=DateWidget(),
        example="2024-05-01",
    )
    marketing_sms = ImportColumn(
        attribute="marketing_sms",
        title=_("marketing by SMS"),
        expected=YES_NO,
        synonyms=("簡訊行銷同意", "行銷同意", "接收簡訊", "sms_consent", "marketing_consent"),
        widget=YesNoWidget(),
        choices=lambda: ["Y", "N"],
        example="Y",
    )
    marketing_email = ImportColumn(
        attribute="marketing_email",
        title=_("marketing by e-mail"),
        expected=YES_NO,
        synonyms=("電子報", "訂閱電子報", "email_consent", "newsletter"),
        widget=YesNoWidget(),
        choices=lambda: ["Y", "N"],
        example="N",
    )
    marketing_line = ImportColumn(
        attribute="marketing_line",
        title=_("marketing by LINE"),
        expected=YES_NO,
        synonyms=("LINE行銷同意", "line_consent"),
        widget=YesNoWidget(),
        choices=lambda: ["Y", "N"],
    )
    consent_source = ImportColumn(
        attribute="consent_source",
        title=_("source of the consent"),
        expected=_("where the member answered: store, paper, app, LINE, web"),
        synonyms=("同意來源", "consent_source"),
        widget=ChoiceWidget(CHANNELS, Channel),
        choices=lambda: ["門市", "紙本", "app", "LINE", "官網"],
        example="紙本",
    )
    consent_date = ImportColumn(
        attribute="consent_date",
        title=_("date of the consent"),
        expected=DAY,
        synonyms=("同意日期", "同意日", "consent_at"),
        widget=DateWidget(),
        example="2024-05-01",
    )
    tags = ImportColumn(
        attribute="tags",
        title=_("tags"),
        expected=_("at most 50 tags of the registry, separated by 、 , ; or |"),
        synonyms=("標籤", "會員標籤", "分眾標籤", "label", "labels", "tag"),
        widget=TagsWidget(),
        example="常客、奶茶",
    )

    class Meta:
        model = Member
        fields = MEMBER_COLUMNS


class TagListResource(ModelResource):
    """Who carries which tag: one pair a line, or one member a line with all his tags in one cell."""

    phone = MemberResource.fields["phone"]
    card_no = MemberResource.fields["card_no"]
    external_id = MemberResource.fields["external_id"]
    tags = MemberResource.fields["tags"]

    class Meta:
        model = Member
        fields = TAG_LIST_COLUMNS


class PurchaseResource(ModelResource):
    """Receipts as the house keeps them; `paid` is what was paid after discounts, points and coupons."""

    source = out("source", _("source system"))
    receipt_no = out("receipt_no", _("receipt number"))
    card_no = out("member__card_no", _("card number"))
    external_id = out("member__external_id", _("external number"))
    brand = out("store__brand__code", _("brand"))
    store = out("store__code", _("store"))
    purchased_at = moment("purchased_at", _("purchased"))
    gross = out("gross", _("before discounts"))
    discount = out("discount", _("discounts"))
    paid = out("paid", _("paid"))
    item_count = out("item_count", _("items"))
    channel = label("channel", _("channel"), Channel)
    order_type = label("order_type", _("order type"), OrderType)
    invoice_no = out("invoice_no", _("invoice number"))
    cashier = out("cashier", _("cashier"))
    recorded_at = moment("recorded_at", _("recorded"))

    class Meta:
        model = Purchase
        fields = (
            "source", "receipt_no", "card_no", "external_id", "brand", "store", "purchased_at", "gross",
            "discount", "paid", "item_count", "channel", "order_type", "invoice_no", "cashier", "recorded_at",
        )  # fmt: skip
