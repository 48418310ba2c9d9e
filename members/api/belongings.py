"""The card, the devices, the phone and the way out."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.api.requests import neighbourhood
from backoffice.visits import client_address
from members import card_images
from members.api import answers, inputs
from members.api.base import MemberOperation
from members.api.pictures import svg_of
from members.choices import CodePurpose
from members.models import MemberSession
from members.phones import mask_phone
from members.selectors.standing import step_up_until
from members.services import blank_cards, card_codes, codes, leaving, phone_changes, sessions


class Card(MemberOperation):
    """The card for the counter. The code in it serves for five minutes at most, so a screenshot does not."""

    @extend_schema(operation_id="me_card", summary="My card", tags=["card"], responses=answers.CardAnswer)
    def get(self, request: Request) -> Response:
        shown = card_codes.issue(member=self.member, now=self.now)
        return self.answer(
            {
                "card_no": self.member.card_no,
                "code": shown.code,
                "expires_at": shown.expires_at.isoformat(),
                "qr_svg": svg_of(card_images.qr(shown.code)),
                "barcode_svg": svg_of(card_images.bars(shown.code)),
            }
        )


class ClaimCard(MemberOperation):
    """A card that was used before anybody was named for it: its points are mine from now on (S28)."""

    @extend_schema(
        operation_id="me_card_claim",
        summary="Join a card that has no owner yet",
        tags=["card"],
        request=inputs.CardClaimInput,
        responses=answers.ClaimedAnswer,
    )
    def post(self, request: Request) -> Response:
        asked = self.checked(inputs.CardClaimInput)

        def verb() -> dict[str, Any]:
            row = blank_cards.claim(
                member=self.member, card_no=asked["card_no"], actor=self.caller.actor, now=self.now
            )
            return {"card_no": row.card_no}

        return self.once(verb)


class Sessions(MemberOperation):
    @extend_schema(
        operation_id="me_sessions",
        summary="Devices that are signed in",
        tags=["devices"],
        responses=answers.SessionsAnswer,
    )
    def get(self, request: Request) -> Response:
        live = MemberSession.objects.filter(
            member=self.member, revoked_at=None, refresh_expires_at__gt=self.now
        ).order_by("-last_used_at", "-id")
        return self.answer({"items": [answers.session_body(row, self.caller.session_id) for row in live]})

    @extend_schema(
        operation_id="me_sessions_end",
        summary="Sign out everywhere else",
        tags=["devices"],
        responses={200: answers.EndedAnswer},
    )
    def delete(self, request: Request) -> Response:
        self.checked(inputs.Nothing)
        told: dict[str, Any] = {"member": self.member, "actor": self.caller.actor, "now": self.now}
        mine = self.caller.session_id
        return self.once(lambda: {"ended": sessions.revoke_all_of(why="signed_out", but=mine, **told)})


class Session(MemberOperation):
    @extend_schema(
        operation_id="me_session_end",
        summary="Sign one device out",
        tags=["devices"],
        responses={200: answers.EndedAnswer},
    )
    def delete(self, request: Request, pk: int) -> Response:
        self.checked(inputs.Nothing)
        told: dict[str, Any] = {"member": self.member, "actor": self.caller.actor, "now": self.now}
        return self.once(
            lambda: {"ended": 1 if sessions.revoke(session_id=pk, why="signed_out", **told) else 0}
        )


class MyCodes(MemberOperation):
    """A code on my own phone, to confirm what is dangerous."""

    @extend_schema(
        operation_id="me_code_ask",
        summary="Ask for a code to confirm something",
        tags=["me"],
        request=inputs.CodeInput,
        responses={202: answers.ChallengeAnswer},
    )
    def post(self, request: Request) -> Response:
        purpose = CodePurpose(self.checked(inputs.CodeInput)["purpose"])
        network = neighbourhood(client_address(self.plain))
        return self.once(
            lambda: codes.ask(
                phone=self.member.phone,
                purpose=purpose,
                neighbourhood=network,
                now=self.now,
                member=self.member,
            ).as_json(),
            status=202,
        )


class PhoneChange(MemberOperation):
    @extend_schema(
        operation_id="me_phone_ask",
        summary="Ask for the codes that change my phone",
        tags=["me"],
        request=inputs.PhoneInput,
        responses={202: answers.PhoneChallengesAnswer},
    )
    def post(self, request: Request) -> Response:
        asked = self.checked(inputs.PhoneInput)
        network = neighbourhood(client_address(self.plain))

        def verb() -> dict[str, Any]:
            both = phone_changes.ask(
                member=self.member, new_phone=asked["phone"], neighbourhood=network, now=self.now
            )
            return {name: challenge.as_json() for name, challenge in both.items()}

        return self.once(verb, status=202)


class PhoneConfirm(MemberOperation):
    @extend_schema(
        operation_id="me_phone_confirm",
        summary="Change my phone, with both codes",
        tags=["me"],
        request=inputs.PhoneConfirmInput,
        responses=answers.PhoneAnswer,
    )
    def post(self, request: Request) -> Response:
        asked = self.checked(inputs.PhoneConfirmInput)
        old, new = (
            phone_changes.Answered(asked[name]["challenge_id"], asked[name]["code"])
            for name in ("old", "new")
        )

        def verb() -> dict[str, Any]:
            row = phone_changes.confirm(
                member=self.member,
                old=old,
                new=new,
                session_id=self.caller.session_id,
                actor=self.caller.actor,
                now=self.now,
            )
            until = step_up_until(row, self.now)
            return {"phone": mask_phone(row.phone), "step_up_until": until.isoformat() if until else None}

        return self.once(verb, first=self.attempts(old.challenge, new.challenge))


class Leave(MemberOperation):
    """Identity gone everywhere, the books intact. The tokens end with it."""

    @extend_schema(
        operation_id="me_leave",
        summary="Leave for good, with a code of purpose “leave”",
        tags=["me"],
        request=inputs.AnsweredInput,
        responses=answers.LeftAnswer,
    )
    def post(self, request: Request) -> Response:
        asked = self.checked(inputs.AnsweredInput)

        def verb() -> dict[str, Any]:
            leaving.leave(
                member=self.member,
                challenge=asked["challenge_id"],
                code=asked["code"],
                actor=self.caller.actor,
                now=self.now,
            )
            return {"left": True}

        return self.once(verb, first=self.attempts(asked["challenge_id"]))
