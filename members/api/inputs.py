"""What the member side of the API takes. Fields that are not here do not exist."""

from __future__ import annotations

from backoffice.api.fields import StrictBoolean, StrictChoice, StrictDate, StrictSerializer, StrictText
from members.choices import Channel, CodePurpose, ConsentPurpose, Gender

SIGN_UP_CHANNELS = [Channel.APP.value, Channel.LINE.value, Channel.WEB.value, Channel.STORE.value]
# What a member confirms with a code on his own phone.
CONFIRMED = [CodePurpose.LEAVE.value, CodePurpose.SPEND.value, CodePurpose.ANSWER.value]
MARKETING = [purpose.value for purpose in ConsentPurpose if purpose != ConsentPurpose.TERMS]


class PhoneInput(StrictSerializer):
    phone = StrictText(max_length=30, help_text="0912-345-678, or + and the country code.")


class DeviceInput(StrictSerializer):
    device_id = StrictText(
        min_length=16, max_length=100, help_text="Drawn at random by the app once, and kept on the device."
    )


class EnterInput(DeviceInput):
    challenge_id = StrictText(max_length=64)
    code = StrictText(min_length=6, max_length=6)
    device_name = StrictText(max_length=60, required=False, default="", allow_blank=True)


class MarketingInput(StrictSerializer):
    """One answer for each way of being written to; what is left out was not asked."""

    marketing_sms = StrictBoolean(required=False)
    marketing_email = StrictBoolean(required=False)
    marketing_line = StrictBoolean(required=False)


class DetailsInput(StrictSerializer):
    """What a brand may ask for beside a name; null or "" is no answer."""

    gender = StrictChoice(choices=Gender.values, required=False, allow_blank=True)
    birthday = StrictDate(required=False, allow_null=True)
    email = StrictText(max_length=254, required=False, allow_blank=True)
    county = StrictText(max_length=20, required=False, allow_blank=True)
    district = StrictText(max_length=20, required=False, allow_blank=True)
    address = StrictText(max_length=200, required=False, allow_blank=True)


DETAILS = ("gender", "birthday", "email", "county", "district", "address")


class SignUpInput(DeviceInput, DetailsInput):
    """A name is enough, unless the brand requires more of new members: the refusal names what."""

    sign_up_token = StrictText(max_length=100)
    name = StrictText(max_length=60)
    terms_version = StrictText(max_length=32)
    channel = StrictChoice(choices=SIGN_UP_CHANNELS, required=False, default=Channel.APP.value)
    referral_code = StrictText(max_length=16, required=False, default="", allow_blank=True)
    store_code = StrictText(max_length=32, required=False, default="", allow_blank=True)
    brand_code = StrictText(max_length=32, required=False, default="", allow_blank=True)
    card_no = StrictText(
        max_length=24, required=False, default="", allow_blank=True,
        help_text="A card that was used before signing up: what it has collected becomes the member's.",
    )  # fmt: skip
    marketing = MarketingInput(required=False)
    device_name = StrictText(max_length=60, required=False, default="", allow_blank=True)


class RefreshInput(DeviceInput):
    refresh_token = StrictText(max_length=150)


class ProfileInput(DetailsInput):
    """The fields that a member may change. Only those that are sent are written; null or "" empties one."""

    name = StrictText(max_length=60, required=False)


class ConsentInput(StrictSerializer):
    purpose = StrictChoice(choices=ConsentPurpose.values)
    given = StrictBoolean()
    version = StrictText(max_length=32, required=False, default="", allow_blank=True)


class CodeInput(StrictSerializer):
    purpose = StrictChoice(choices=CONFIRMED)


class AnsweredInput(StrictSerializer):
    challenge_id = StrictText(max_length=64)
    code = StrictText(min_length=6, max_length=6)


class PhoneConfirmInput(StrictSerializer):
    old = AnsweredInput()
    new = AnsweredInput()


class CardClaimInput(StrictSerializer):
    card_no = StrictText(max_length=24, help_text="The number on a card that has no owner yet.")


class SecurityQuestionInput(AnsweredInput):
    """`answer` is kept as a hash; `code` is one of purpose `answer`."""

    question = StrictText(max_length=60)
    answer = StrictText(min_length=2, max_length=60)


class CarrierInput(StrictSerializer):
    code = StrictText(max_length=8)


class Nothing(StrictSerializer):
    """No body, or an empty object."""
