"""The member about himself: profile, the next question, consents, carrier, his data."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.api.etags import is_known, required_match
from members import card_images
from members.api import answers, inputs
from members.api.base import MemberOperation
from members.api.pictures import svg_of
from members.choices import Channel, FieldNeed, ProfileField
from members.errors import ChangedMeanwhile
from members.models import InvoiceCarrier, Member
from members.selectors.consents import latest_consents
from members.selectors.profile import completion, profile_needs
from members.services import carriers, consents, disclosure
from members.services.profile import change_profile

IF_MATCH = OpenApiParameter("If-Match", str, OpenApiParameter.HEADER, required=True, description="The ETag.")


class Me(MemberOperation):
    """The profile; every answer carries its ETag."""

    @extend_schema(
        operation_id="me",
        summary="My profile",
        tags=["me"],
        responses=answers.MemberAnswer,
    )
    def get(self, request: Request) -> Response:
        etag = answers.member_etag(self.member)
        if is_known(self.plain, etag):
            return self.answer(None, 304, ETag=etag)
        return self.answer(self._body(self.member), ETag=etag)

    @extend_schema(
        operation_id="me_change",
        summary="Change my profile",
        tags=["me"],
        parameters=[IF_MATCH],
        request=inputs.ProfileInput,
        responses=answers.MemberAnswer,
    )
    def patch(self, request: Request) -> Response:
        match = required_match(self.plain)
        changes = self.checked(inputs.ProfileInput)
        etags: list[str] = []

        def without_etag(body: dict[str, Any]) -> dict[str, Any]:
            etags.append(body.pop("etag"))
            return body

        response = self.once(lambda: self._changed(match, changes), complete=without_etag)
        response.headers["ETag"] = etags[0]
        return response

    def _changed(self, match: str, changes: dict[str, Any]) -> dict[str, Any]:
        member = self.member
        if match != answers.member_etag(member):
            raise ChangedMeanwhile
        row = change_profile(
            member=member,
            changes=changes,
            actor=self.caller.actor,
            now=self.now,
            expected_updated_at=member.updated_at,
        )
        return {**self._body(row), "etag": answers.member_etag(row)}

    def _body(self, member: Member) -> dict[str, Any]:
        return answers.member_body(member, now=self.now)


class Question(MemberOperation):
    """The subtraction principle (S20): one question at a time, the required ones first."""

    @extend_schema(
        operation_id="me_question",
        summary="The next question worth asking",
        tags=["me"],
        responses=answers.QuestionAnswer,
    )
    def get(self, request: Request) -> Response:
        done = completion(self.member)
        # The referring store is the shop's question, not the member's.
        missing = [name for name in done.missing if name != ProfileField.REFERRING_STORE]
        field = missing[0] if missing else None
        needs = profile_needs(self.member.brand)
        return self.answer(
            {
                "field": field,
                "title": str(ProfileField(field).label) if field else None,
                "is_required": field is not None and needs[field] == FieldNeed.REQUIRED,
                "completion_percent": done.percent,
            }
        )


class Consents(MemberOperation):
    @extend_schema(
        operation_id="me_consents",
        summary="What I agreed to",
        tags=["me"],
        responses=answers.ConsentsAnswer,
    )
    def get(self, request: Request) -> Response:
        latest = latest_consents(self.member)
        return self.answer({"items": [answers.consent_body(latest[name]) for name in sorted(latest)]})

    @extend_schema(
        operation_id="me_consent",
        summary="Agree, or take it back",
        tags=["me"],
        request=inputs.ConsentInput,
        responses={201: answers.ConsentAnswer},
    )
    def post(self, request: Request) -> Response:
        asked = self.checked(inputs.ConsentInput)
        told = {
            "member": self.member,
            "purpose": asked["purpose"],
            "source": Channel.APP.value,
            "actor": self.caller.actor,
            "now": self.now,
        }
        if asked["given"]:
            return self.once(
                lambda: answers.consent_body(consents.give(version=asked["version"], **told)), status=201
            )
        return self.once(lambda: answers.consent_body(consents.withdraw(**told)), status=201)


class Carrier(MemberOperation):
    """手機條碼: where the e-invoices of my purchases go."""

    @extend_schema(
        operation_id="me_carrier", summary="My invoice carrier", tags=["me"], responses=answers.CarrierAnswer
    )
    def get(self, request: Request) -> Response:
        known = InvoiceCarrier.objects.filter(member=self.member).first()
        return self.answer(_carrier(known.code if known else None))

    @extend_schema(
        operation_id="me_carrier_keep",
        summary="Keep my invoice carrier",
        tags=["me"],
        request=inputs.CarrierInput,
        responses=answers.CarrierAnswer,
    )
    def put(self, request: Request) -> Response:
        asked = self.checked(inputs.CarrierInput)
        told: dict[str, Any] = {"member": self.member, "actor": self.caller.actor, "now": self.now}
        return self.once(lambda: _carrier(carriers.keep(code=asked["code"], **told).code))

    @extend_schema(
        operation_id="me_carrier_forget",
        summary="Forget my invoice carrier",
        tags=["me"],
        responses={200: answers.CarrierAnswer},
    )
    def delete(self, request: Request) -> Response:
        self.checked(inputs.Nothing)
        told: dict[str, Any] = {"member": self.member, "actor": self.caller.actor, "now": self.now}

        def verb() -> dict[str, Any]:
            carriers.forget(**told)
            return _carrier(None)

        return self.once(verb)


class MyData(MemberOperation):
    """Everything that is kept about the person. Each look is written down."""

    @extend_schema(operation_id="me_data", summary="All my data", tags=["me"], responses=answers.DataAnswer)
    def get(self, request: Request) -> Response:
        data = disclosure.export_person(
            member=self.member, reason="asked by the member", actor=self.caller.actor, now=self.now
        )
        return self.answer({"person": data})


def _carrier(code: str | None) -> dict[str, Any]:
    return {"code": code, "barcode_svg": svg_of(card_images.bars39(code)) if code else None}
