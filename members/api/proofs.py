"""How a member proves himself beyond his token: a code before large spending, an answer only he knows."""

from __future__ import annotations

from typing import Any

from django.utils.crypto import salted_hmac
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from members.api import answers, inputs
from members.api.base import MemberOperation
from members.models import SecurityAnswer
from members.selectors.standing import PROOF_LASTS
from members.services import proofs_of_members


class StepUp(MemberOperation):
    """For a day after the phone changed, tills refuse large spending until this was done (T6)."""

    @extend_schema(
        operation_id="me_step_up",
        summary="Confirm that it is me who spends, with a code of purpose “spend”",
        tags=["me"],
        request=inputs.AnsweredInput,
        responses=answers.SteppedUpAnswer,
    )
    def post(self, request: Request) -> Response:
        asked = self.checked(inputs.AnsweredInput)

        def verb() -> dict[str, Any]:
            proof = proofs_of_members.step_up(
                member=self.member,
                challenge=asked["challenge_id"],
                code=asked["code"],
                actor=self.caller.actor,
                now=self.now,
            )
            return {"until": (proof.at + PROOF_LASTS).isoformat()}

        return self.once(verb, first=self.attempts(asked["challenge_id"]))


class SecurityQuestion(MemberOperation):
    """What staff may ask when the phone is not at hand (S12): they see whether an answer matches."""

    @extend_schema(
        operation_id="me_security_question",
        summary="My security question",
        tags=["me"],
        responses=answers.SecurityQuestionAnswer,
    )
    def get(self, request: Request) -> Response:
        kept = SecurityAnswer.objects.filter(member=self.member).first()
        return self.answer({"question": kept.question if kept else None})

    @extend_schema(
        operation_id="me_security_question_keep",
        summary="Set my security question and its answer, with a code of purpose “answer”",
        tags=["me"],
        request=inputs.SecurityQuestionInput,
        responses=answers.SecurityQuestionAnswer,
    )
    def put(self, request: Request) -> Response:
        asked = self.checked(inputs.SecurityQuestionInput)

        def verb() -> dict[str, Any]:
            kept = proofs_of_members.keep_answer(
                member=self.member,
                question=asked["question"],
                answer=asked["answer"],
                challenge=asked["challenge_id"],
                code=asked["code"],
                actor=self.caller.actor,
                now=self.now,
            )
            return {"question": kept.question}

        # What is stored of the request is a plain hash, and an answer is guessed in no time.
        told = asked | {"answer": salted_hmac("members.api.answer", asked["answer"]).hexdigest()}
        return self.once(verb, first=self.attempts(asked["challenge_id"]), body=told)
