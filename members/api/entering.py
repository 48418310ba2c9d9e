"""Codes, signing in, signing up, refreshing: what anybody may call who is not signed in yet."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.api.operations import Operation
from backoffice.api.requests import neighbourhood, request_id
from backoffice.errors import LimitReached
from backoffice.services.idempotency import stranger_scope
from backoffice.visits import client_address
from members.api import answers, inputs
from members.choices import CodePurpose
from members.errors import RefreshRefused
from members.selectors.standing import terms_in_force
from members.services import codes, entering, sessions


class AskForCode(Operation):
    """The answer and its time are the same for members and for strangers."""

    @extend_schema(
        operation_id="code_ask",
        summary="Ask for a one-time code by SMS",
        tags=["sign-in"],
        request=inputs.PhoneInput,
        responses={202: answers.ChallengeAnswer},
    )
    def post(self, request: Request) -> Response:
        asked = self.checked(inputs.PhoneInput)
        network = neighbourhood(client_address(self.plain))
        return self.once(
            lambda: codes.ask(
                phone=asked["phone"], purpose=CodePurpose.ENTER, neighbourhood=network, now=self.now
            ).as_json(),
            status=202,
            client=stranger_scope("phone", asked["phone"]),
        )


class Enter(Operation):
    @extend_schema(
        operation_id="session_open",
        summary="Exchange a code for tokens, or for the right to sign up",
        tags=["sign-in"],
        request=inputs.EnterInput,
        responses={200: answers.EnteredAnswer},
    )
    def post(self, request: Request) -> Response:
        asked = self.checked(inputs.EnterInput)
        challenge = asked["challenge_id"]
        return self.once(
            lambda: entering.enter(
                challenge=challenge,
                code=asked["code"],
                device=entering.Device(asked["device_id"], asked["device_name"]),
                now=self.now,
                request_id=request_id(self.plain),
            ),
            client=stranger_scope("challenge", challenge),
            first=lambda: codes.burn_attempt(challenge=challenge, now=self.now),
            complete=entering.with_tokens,
        )


class SignUp(Operation):
    @extend_schema(
        operation_id="member_sign_up",
        summary="Become a member with name, consent and a proven phone",
        tags=["sign-in"],
        request=inputs.SignUpInput,
        responses={201: answers.EnteredAnswer},
    )
    def post(self, request: Request) -> Response:
        asked = self.checked(inputs.SignUpInput)
        person = entering.NewMember(
            name=asked["name"],
            terms_version=asked["terms_version"],
            source=asked["channel"],
            referral_code=asked["referral_code"],
            store_code=asked["store_code"],
            brand_code=asked["brand_code"],
            card_no=asked["card_no"],
            marketing=dict(asked.get("marketing") or {}),
            details={name: asked[name] for name in inputs.DETAILS if name in asked},
        )
        ticket = asked["sign_up_token"]
        return self.once(
            lambda: entering.sign_up(
                ticket=ticket,
                person=person,
                device=entering.Device(asked["device_id"], asked["device_name"]),
                now=self.now,
                request_id=request_id(self.plain),
            ),
            status=201,
            client=stranger_scope("ticket", ticket),
            complete=entering.with_tokens,
        )


class Refresh(Operation):
    """A retry under the same key gets the same pair. An old refresh token under a new key ends the device."""

    def check_throttles(self, request: Request) -> None:
        """Counted with the strangers of the network; where they have used it up, whoever shows a token that
        is good is counted by his device, so that nobody is signed out by who sits beside him.
        """
        try:
            super().check_throttles(request)
        except LimitReached:
            told = dict(request.data).get("refresh_token")
            holder = sessions.holder_of(token=told, now=self.now) if isinstance(told, str) else None
            if holder is None:
                raise
            self.spend(f"refresh:{holder}", settings.API_FAILED_CALLS_PER_MINUTE)

    @extend_schema(
        operation_id="session_refresh",
        summary="Exchange the refresh token for the next pair",
        tags=["sign-in"],
        request=inputs.RefreshInput,
        responses={200: answers.TokensAnswer},
    )
    def post(self, request: Request) -> Response:
        asked = self.checked(inputs.RefreshInput)
        shown: dict[str, Any] = {"token": asked["refresh_token"], "device_id": asked["device_id"]}
        try:
            return self.once(
                lambda: entering.stored_pair(sessions.refresh(**shown, now=self.now)),
                client=stranger_scope("refresh", asked["refresh_token"]),
                complete=entering.token_answer,
            )
        except RefreshRefused:
            sessions.end_if_copied(**shown, actor=self.stranger(), now=self.now)
            raise


class Terms(Operation):
    @extend_schema(
        operation_id="terms",
        summary="The terms that a member agrees to",
        tags=["sign-in"],
        responses=answers.TermsAnswer,
    )
    def get(self, request: Request) -> Response:
        terms = terms_in_force(self.now)
        return self.answer({"version": terms.version, "url": terms.url})
