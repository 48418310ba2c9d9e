"""What the member side of the API answers: shapes for the schema, and the dicts that have them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rest_framework import serializers

from backoffice.api.etags import etag_of
from members.models import Consent, Member, MemberSession, ReferralCode
from members.phones import mask_phone
from members.selectors.profile import completion
from members.selectors.standing import accepted_terms, must_step_up, terms_in_force


class ChallengeAnswer(serializers.Serializer):
    """The same for every phone. `challenge_id` goes back together with the code."""

    challenge_id = serializers.CharField()
    expires_at = serializers.DateTimeField()
    resend_after_seconds = serializers.IntegerField()


class TokensAnswer(serializers.Serializer):
    access_token = serializers.CharField()
    refresh_token = serializers.CharField()
    token_type = serializers.CharField()
    expires_in_seconds = serializers.IntegerField()
    refresh_expires_in_seconds = serializers.IntegerField()


class EnteredAnswer(serializers.Serializer):
    """`signed_in` comes with tokens, `sign_up` with a sign-up token."""

    outcome = serializers.ChoiceField(choices=["signed_in", "sign_up"])
    access_token = serializers.CharField(required=False)
    refresh_token = serializers.CharField(required=False)
    token_type = serializers.CharField(required=False)
    expires_in_seconds = serializers.IntegerField(required=False)
    refresh_expires_in_seconds = serializers.IntegerField(required=False)
    sign_up_token = serializers.CharField(required=False)
    expires_at = serializers.DateTimeField(required=False)


class TermsAnswer(serializers.Serializer):
    version = serializers.CharField()
    url = serializers.CharField()


class MemberTerms(serializers.Serializer):
    accepted = serializers.CharField()
    current = serializers.CharField()
    must_accept = serializers.BooleanField()


class MemberAnswer(serializers.Serializer):
    """The member as he sees himself."""

    id = serializers.IntegerField()
    status = serializers.CharField()
    card_no = serializers.CharField()
    phone = serializers.CharField()
    name = serializers.CharField()
    gender = serializers.CharField()
    birthday = serializers.DateField(allow_null=True)
    email = serializers.CharField()
    county = serializers.CharField()
    district = serializers.CharField()
    address = serializers.CharField()
    brand = serializers.CharField(allow_null=True)
    referring_store = serializers.CharField(allow_null=True)
    joined_at = serializers.DateTimeField()
    referral_code = serializers.CharField()
    completion_percent = serializers.IntegerField()
    missing_fields = serializers.ListField(child=serializers.CharField())
    terms = MemberTerms()
    step_up_until = serializers.DateTimeField(allow_null=True)


class QuestionAnswer(serializers.Serializer):
    """The one question worth asking next; `field` null: nothing is missing."""

    field = serializers.CharField(allow_null=True)
    title = serializers.CharField(allow_null=True)
    is_required = serializers.BooleanField()
    completion_percent = serializers.IntegerField()


class ConsentAnswer(serializers.Serializer):
    purpose = serializers.CharField()
    given = serializers.BooleanField()
    version = serializers.CharField()
    at = serializers.DateTimeField()


class ConsentsAnswer(serializers.Serializer):
    items = ConsentAnswer(many=True)


class SessionAnswer(serializers.Serializer):
    id = serializers.IntegerField()
    device_name = serializers.CharField()
    signed_in_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField()
    current = serializers.BooleanField()


class ClaimedAnswer(serializers.Serializer):
    card_no = serializers.CharField(help_text="My own card; the one that was joined leads to it.")


class SteppedUpAnswer(serializers.Serializer):
    until = serializers.DateTimeField(help_text="Until when large spending needs no other proof.")


class SecurityQuestionAnswer(serializers.Serializer):
    """`question` null: none is set. The answer is never told."""

    question = serializers.CharField(allow_null=True)


class SessionsAnswer(serializers.Serializer):
    items = SessionAnswer(many=True)


class EndedAnswer(serializers.Serializer):
    ended = serializers.IntegerField()


class CardAnswer(serializers.Serializer):
    """`code` is what `qr_svg` and `barcode_svg` show; ask again before `expires_at`."""

    card_no = serializers.CharField()
    code = serializers.CharField()
    expires_at = serializers.DateTimeField()
    qr_svg = serializers.CharField()
    barcode_svg = serializers.CharField()


class CarrierAnswer(serializers.Serializer):
    code = serializers.CharField(allow_null=True)
    barcode_svg = serializers.CharField(allow_null=True)


class PhoneChallengesAnswer(serializers.Serializer):
    old = ChallengeAnswer()
    new = ChallengeAnswer()


class PhoneAnswer(serializers.Serializer):
    phone = serializers.CharField()
    step_up_until = serializers.DateTimeField(allow_null=True)


class LeftAnswer(serializers.Serializer):
    left = serializers.BooleanField()


class DataAnswer(serializers.Serializer):
    """Everything that is kept about the member, by part."""

    person = serializers.DictField()


def member_etag(member: Member) -> str:
    return etag_of("member", member.pk, member.updated_at)


def member_body(member: Member, *, now: datetime) -> dict[str, Any]:
    done = completion(member)
    code = ReferralCode.objects.filter(member=member).first()
    until = must_step_up(member, now)
    accepted, terms = accepted_terms(member), terms_in_force(now)
    return {
        "id": member.pk,
        "status": member.status,
        "card_no": member.card_no,
        "phone": mask_phone(member.phone),
        "name": member.name,
        "gender": member.gender,
        "birthday": member.birthday.isoformat() if member.birthday else None,
        "email": member.email,
        "county": member.county,
        "district": member.district,
        "address": member.address,
        "brand": member.brand.code if member.brand else None,
        "referring_store": member.referring_store.code if member.referring_store else None,
        "joined_at": member.joined_at.isoformat(),
        "referral_code": code.code if code else "",
        "completion_percent": done.percent,
        "missing_fields": list(done.missing),
        "terms": {
            "accepted": accepted,
            "current": terms.version,
            "must_accept": accepted != terms.version,
        },
        "step_up_until": until.isoformat() if until else None,
    }


def consent_body(consent: Consent) -> dict[str, Any]:
    return {
        "purpose": consent.purpose,
        "given": consent.given,
        "version": consent.version,
        "at": consent.at.isoformat(),
    }


def session_body(session: MemberSession, current: int | None) -> dict[str, Any]:
    return {
        "id": session.pk,
        "device_name": session.device_name,
        "signed_in_at": session.created_at.isoformat(),
        "last_used_at": session.last_used_at.isoformat(),
        "current": session.pk == current,
    }
