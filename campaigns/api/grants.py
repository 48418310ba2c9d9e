"""Points that a partner's service, or a person's script, gives to members."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.api.callers import CallerKind
from backoffice.api.fields import PointsField, StrictDateTime, StrictSerializer, StrictText
from backoffice.api.operations import Operation
from backoffice.choices import ApiScope
from backoffice.masking import mask_text
from backoffice.models import Brand, User
from campaigns.api.grant_answers import GrantAnswer, grant_body, known_before
from campaigns.api.till_base import NumberField
from campaigns.errors import GrantBrandUnclear, GrantMoved
from campaigns.grant_data import Giver, ToldGrant
from campaigns.models import Grant
from campaigns.services.grants import cancelling, giving
from campaigns.services.grants.giving import LongWay

GIVERS = frozenset({CallerKind.PARTNER, CallerKind.STAFF})


class GrantInput(StrictSerializer):
    """`grant_no` is the service's own number, unique within the brand for ever."""

    grant_no = NumberField()
    card = StrictText(max_length=100, help_text="A card number, or the code on the member's screen.")
    points = PointsField()
    occurred_at = StrictDateTime(help_text="When it was deserved: the deadline counts from here.")
    service = StrictText(max_length=32, help_text="Who gives, in a word that the member reads: music, ride …")
    program = StrictText(
        max_length=32,
        required=False,
        default="",
        allow_blank=True,
        help_text="The default program unless told.",
    )
    reason = StrictText(
        max_length=200, required=False, default="", allow_blank=True, help_text="The member reads it, too."
    )


class CancelInput(StrictSerializer):
    reason = StrictText(max_length=200)


class GrantOperation(Operation):
    """Called for one brand: the one that a partner's key is bound to, or the one that a person works for."""

    callers = GIVERS

    @property
    def giver(self) -> Giver:
        """Raises GrantBrandUnclear for the key of somebody who works for several brands."""
        caller = self.caller
        key_id = int(caller.client.partition(":")[2])
        if caller.user is None:
            assert caller.brand_id is not None, "a partner's key is bound to its brand"
            return Giver(key_id, caller.brand_id)
        return Giver(key_id, caller.brand_id or _brand_of(caller.user), caller.user.pk)


class Grants(GrantOperation):
    write_scope = ApiScope.POINTS_GRANT

    @extend_schema(
        operation_id="grant_post",
        summary="Give points",
        description=(
            "Gives a member points for something that is no receipt: a month of music, a ride, a finished "
            "task. The same `grant_no` again, also under a new key, answers what became of it and gives "
            "nothing; with other content it is refused. Nothing waits for a person: a time that is more than "
            "a few minutes ahead or more than a week old is refused; so is what passes the ceiling of one "
            "grant or of the key's day. The key of a person gives within what he may give by hand, and never "
            "to himself."
        ),
        tags=["services"],
        request=GrantInput,
        responses=GrantAnswer,
    )
    def post(self, request: Request) -> Response:
        told, giver = told_grant(self.checked(GrantInput)), self.giver
        actor, now = self.caller.actor, self.now
        at_once = giving.in_one(giver=giver, told=told, actor=actor, now=now, body=known_before)
        if at_once is not None:
            try:
                return self.once_in_one(at_once)
            except LongWay:
                # Nothing was written, and the request's key is free.
                pass

        def verb() -> dict[str, Any]:
            given = giving.give(giver=giver, told=told, actor=actor, now=now, body=known_before)
            return grant_body(given, now) if isinstance(given, Grant) else dict(given)

        try:
            return self.once(verb)
        except GrantMoved:
            return self.once(verb)


class GrantOfBrand(GrantOperation):
    read_scope = ApiScope.POINTS_GRANT

    @extend_schema(
        operation_id="grant_get", summary="What became of a grant", tags=["services"], responses=GrantAnswer
    )
    def get(self, request: Request, grant_no: str) -> Response:
        grant = giving.known_grant(brand_id=self.giver.brand_id, number=grant_no)
        if grant is None:
            raise Http404
        return self.answer(grant_body(grant, self.now))


class CancelGrant(GrantOperation):
    write_scope = ApiScope.POINTS_GRANT

    @extend_schema(
        operation_id="grant_cancel",
        summary="Take a grant back",
        description=(
            "Takes all of it back, once. Points that wait go first; spent ones are owed, let go, or kept in "
            "money (`withhold`), as the program says. Cancelled again, it answers the first cancellation."
        ),
        tags=["services"],
        request=CancelInput,
        responses=GrantAnswer,
    )
    def post(self, request: Request, grant_no: str) -> Response:
        told, giver = self.checked(CancelInput), self.giver

        def verb() -> dict[str, Any]:
            grant = cancelling.cancel(
                giver=giver, number=grant_no, reason=told["reason"], actor=self.caller.actor, now=self.now
            )
            return grant_body(grant, self.now)

        return self.once(verb)


def told_grant(data: Mapping[str, Any]) -> ToldGrant:
    return ToldGrant(
        number=data["grant_no"],
        card=data["card"],
        points=data["points"],
        occurred_at=data["occurred_at"],
        # Both stay for ever in the books, which could not be cleaned of a phone.
        service=mask_text(data["service"]),
        program=data["program"],
        reason=mask_text(data["reason"]) if data["reason"] else "",
    )


def _brand_of(user: User) -> int:
    """Raises GrantBrandUnclear."""
    seen = Brand.objects.visible_to(user).filter(is_active=True).order_by("pk").values_list("pk", flat=True)
    brands = list(seen[:2])
    if len(brands) != 1:
        raise GrantBrandUnclear
    return int(brands[0])
