"""Members' tokens, as one more class in the list that the API asks (`config/settings/api.py`)."""

from __future__ import annotations

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from backoffice.actors import Actor
from backoffice.api.authentication import bearer_token
from backoffice.api.callers import Caller, CallerKind
from backoffice.api.requests import request_id
from members.services import sessions


class MemberTokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer skm_…`. The caller carries the member's row: it has just been read."""

    def authenticate(self, request: Request) -> tuple[Caller, object] | None:
        token = bearer_token(request)
        if token is None or not token.startswith(sessions.ACCESS_BEGINNING):
            return None
        session_id, member = sessions.authenticate(access=token, now=timezone.now())
        caller = Caller(
            kind=CallerKind.MEMBER,
            client=f"member:{member.pk}",
            actor=Actor("member", str(member.pk), "", request_id(request._request)),
            brand_id=member.brand_id,
            member_id=member.pk,
            session_id=session_id,
        )
        return caller, member

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"
