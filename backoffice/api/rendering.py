"""JSON out: keys in one order, so that a stored answer is given again byte for byte."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework.renderers import BaseRenderer
from rest_framework.response import Response

from backoffice.services.idempotency import CANONICAL


class OneOrderJSONRenderer(BaseRenderer):
    """Compact UTF-8 JSON with sorted keys."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        return b"" if data is None else CANONICAL.encode(data).encode()


class Ready(Response):
    """An answer whose bytes are made already: the renderer has nothing left to do."""

    def __init__(self, text: str, *, status: int) -> None:
        super().__init__(status=status)
        # Setting the content is what counts as having been rendered.
        self.content = text.encode()
        self.headers["Content-Type"] = OneOrderJSONRenderer.media_type
