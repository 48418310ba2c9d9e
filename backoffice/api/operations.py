"""The base of every view: who may call, how often, under which key, and what the answer carries.

A subclass names its `callers` (empty: anybody, also without a token) and, for keys, the scope it asks for.
A read returns `self.answer(body)`. A write checks its input with `self.checked(Serializer)` and returns
`self.once(data, verb)`: the verb is ONE service call that answers a dict.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import cache
from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from rest_framework import serializers
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.mediatypes import media_type_matches
from rest_framework.views import APIView

from backoffice.actors import Actor
from backoffice.api.callers import Caller, CallerKind
from backoffice.api.parsing import refuse_pieces
from backoffice.api.rate_limits import LIMITER, Allowance
from backoffice.api.rendering import Ready
from backoffice.api.requests import idempotency_key, neighbourhood, request_id
from backoffice.choices import ActorType, ApiScope
from backoffice.errors import CallerNotAllowed, LimitReached, NotAuthenticated, SignatureWrong
from backoffice.services import idempotency
from backoffice.services.idempotency import CANONICAL, Claim, InOne, StoredAnswer
from backoffice.visits import client_address

_forms = threading.local()


def _form(serializer: type[serializers.Serializer]) -> serializers.Serializer:
    """One of each for a thread: a serializer copies all its fields when it is made."""
    kept: dict[Any, serializers.Serializer] = _forms.__dict__
    if serializer not in kept:
        kept[serializer] = serializer(data={})
    return kept[serializer]


class OnlyJSON(BaseContentNegotiation):
    """One format, whatever the client accepts: errors have a type of their own that few clients name."""

    def select_parser(self, request: Request, parsers: Iterable[Any]) -> Any:
        return next((p for p in parsers if media_type_matches(p.media_type, request.content_type)), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[Any], format_suffix: str | None = None
    ) -> tuple[Any, str]:
        only = next(iter(renderers))
        return only, only.media_type


@cache
def _one_of_each(classes: tuple[type, ...]) -> list[Any]:
    """They keep nothing between two requests, so one of each serves all."""
    return [one() for one in classes]


@cache
def _allowed(view: Any) -> str:
    return ", ".join(view().allowed_methods)


ONLY_JSON = OnlyJSON()
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
Body = dict[str, Any]


class Operation(APIView):
    """One address of the API with its verbs."""

    callers: ClassVar[frozenset[CallerKind]] = frozenset()
    read_scope: ClassVar[ApiScope | None] = None
    write_scope: ClassVar[ApiScope | None] = None
    # Nothing but `check_permissions` below decides; OPTIONS describes nothing and is refused.
    permission_classes = ()
    metadata_class = None
    content_negotiation_class = OnlyJSON
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]

    key: str = ""
    now: datetime
    _allowance: Allowance | None = None

    # --- Before the view ----------------------------------------------------------------------------------
    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        self.now = timezone.now()
        request_id(request._request)
        try:
            super().initial(request, *args, **kwargs)
        except (NotAuthenticated, SignatureWrong) as refusal:
            self._count_failure(request, refusal.known)
            raise
        # A method that the view does not have is answered 405, not asked for its key.
        if request.method not in SAFE and hasattr(self, (request.method or "").lower()):
            self.key = idempotency_key(request._request)
            refuse_pieces(request.META)

    def get_authenticators(self) -> list[Any]:
        # Who calls what anybody may call is not asked who he is: an old token must not stand in his way.
        return _one_of_each(tuple(self.authentication_classes)) if self.callers else []

    def get_parsers(self) -> list[Any]:
        return _one_of_each(tuple(self.parser_classes))

    def get_renderers(self) -> list[Any]:
        return _one_of_each(tuple(self.renderer_classes))

    def get_content_negotiator(self) -> BaseContentNegotiation:
        return ONLY_JSON

    @property
    def default_response_headers(self) -> dict[str, str]:
        view: Any = type(self)
        return {"Allow": _allowed(view)}

    def check_permissions(self, request: Request) -> None:
        """Raises NotAuthenticated for nobody, CallerNotAllowed for another kind or a missing scope."""
        if not self.callers:
            return
        caller = request.user
        if not isinstance(caller, Caller):
            raise NotAuthenticated
        scope = self.read_scope if request.method in SAFE else self.write_scope
        out_of_scope = (
            scope is not None and caller.kind != CallerKind.MEMBER and scope.value not in caller.scopes
        )
        if caller.kind not in self.callers or out_of_scope:
            # Counted like everything else that he asks for; throttles come after permissions.
            self.check_throttles(request)
            raise CallerNotAllowed

    def check_throttles(self, request: Request) -> None:
        """Raises LimitReached. Strangers are counted by the network that they call from."""
        caller = request.user
        if isinstance(caller, Caller):
            client, limit = caller.client, settings.API_CALLS_PER_MINUTE
        else:
            client = f"net:{neighbourhood(client_address(request._request))}"
            limit = settings.API_STRANGERS_CALLS_PER_MINUTE
        self.spend(client, limit)

    def _count_failure(self, request: Request, known: str) -> None:
        """Count who did not prove who he is, apart from all who did. Raises LimitReached.

        By his network; by what he showed where that was good once: an app whose token is over has to be told
        so, whatever a stranger tries from the same shop.
        """
        network = neighbourhood(client_address(request._request))
        client = f"over:{known}" if known else f"failed:{network}"
        self.spend(client, settings.API_FAILED_CALLS_PER_MINUTE)

    def spend(self, client: str, limit: int) -> None:
        """Count this request of `client`; the answer's headers say what is left. Raises LimitReached."""
        try:
            self._allowance = LIMITER.spend(client, limit=limit, now=self.now)
        except LimitReached as refusal:
            self._allowance = Allowance(limit, 0, refusal.retry_after)
            raise

    # --- For the view -------------------------------------------------------------------------------------
    @property
    def caller(self) -> Caller:
        caller = self.request.user
        assert isinstance(caller, Caller)
        return caller

    @property
    def plain(self) -> HttpRequest:
        return self.request._request

    def stranger(self) -> Actor:
        """The actor of an operation that needs no token: he is nobody yet, but his request has an id."""
        return Actor(ActorType.MEMBER.value, "0", "", request_id(self.plain))

    def checked(self, serializer: type[serializers.Serializer]) -> dict[str, Any]:
        """The body, validated. Raises ValidationError (400)."""
        return dict(_form(serializer).run_validation(self.request.data))

    def checked_query(self, serializer: type[serializers.Serializer]) -> dict[str, Any]:
        """The query string, validated like a body; a parameter that comes twice is refused as unknown."""
        given = self.request.query_params
        flat = {name: given.getlist(name) if len(given.getlist(name)) > 1 else given[name] for name in given}
        return dict(_form(serializer).run_validation(flat))

    def answer(self, body: Any, status: int = 200, **headers: str) -> Response:
        response = Response(status=status) if body is None else Ready(CANONICAL.encode(body), status=status)
        for name, value in headers.items():
            response.headers[name.replace("_", "-")] = value
        return response

    def once(
        self,
        verb: Callable[[], Body],
        *,
        status: int = 200,
        client: str = "",
        first: Callable[[], None] | None = None,
        complete: Callable[[Body], Body] | None = None,
        body: Body | None = None,
        claim: Claim | None = None,
    ) -> Response:
        """Carry out `verb` under the request's Idempotency-Key, or give the stored answer again.

        `client` scopes the key where nobody has signed in yet. `first` runs and commits before the verb, but
        not for a repetition. `complete` makes the body that is sent of the one that is stored: tokens are
        derived there, because no table may hold them. `body` stands for a body that is no JSON (a file's
        checksum). `claim` as in `run_once`. Raises KeyTaken, KeyInUse and what the verb refuses.
        """
        client = client or self.caller.client
        request = self._told(body)
        stored = None
        if first is not None:
            stored = idempotency.stored_answer(client=client, key=self.key, request=request)
            if stored is None:
                first()
        if stored is None:
            stored = idempotency.run_once(
                client=client,
                key=self.key,
                request=request,
                now=self.now,
                verb=verb,
                status=status,
                claim=claim,
            )
        return self._sent(stored, complete)

    def once_in_one(self, verb: InOne) -> Response:
        """`once` for a verb that is one statement with its key and its answer (`idempotency.run_in_one`)."""
        stored = idempotency.run_in_one(
            client=self.caller.client, key=self.key, request=self._told(), now=self.now, verb=verb
        )
        return self._sent(stored)

    def _told(self, body: Body | None = None) -> Body:
        """What makes this request this one."""
        return {
            "method": self.request.method,
            "path": self.plain.get_full_path(),
            "body": self.request.data if body is None else body,
        }

    @staticmethod
    def _sent(stored: StoredAnswer, complete: Callable[[Body], Body] | None = None) -> Response:
        if stored.status == 204:
            response = Response(status=204)
        else:
            text = CANONICAL.encode(complete(stored.body)) if complete else stored.text
            response = Ready(text, status=stored.status)
        if stored.replayed:
            response.headers["Idempotent-Replayed"] = "true"
        return response

    # --- After the view -----------------------------------------------------------------------------------
    def finalize_response(
        self, request: HttpRequest | Request, response: Any, *args: Any, **kwargs: Any
    ) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[arg-type]
        response.headers["X-Request-ID"] = request_id(getattr(request, "_request", request))
        response.headers.setdefault("Cache-Control", "no-store")
        if self._allowance:
            for name, value in self._allowance.headers().items():
                response.headers[name] = value
        return response
