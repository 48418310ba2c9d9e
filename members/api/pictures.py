"""Pictures in answers: SVG as text, which an app draws and a page embeds."""

from __future__ import annotations

from urllib.parse import unquote


def svg_of(address: str) -> str:
    """The SVG text of a data address."""
    return unquote(address.partition(",")[2])
