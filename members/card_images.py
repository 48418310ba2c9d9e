"""A card number as pictures to scan: Code 128 for tills, QR for phones. SVG as data addresses for `src`."""

from __future__ import annotations

from urllib.parse import quote

import segno

# Modules; a scanner wants ten of them white on either side.
QUIET = 10
HEIGHT = 60


def bars(card_no: str) -> str:
    """Code 128 of the digits, drawn of rectangles: the library's own pictures carry inline styles."""
    # Its import speaks about a missing picture library, which is none of a command's business.
    from barcode.codex import Code128  # type: ignore[import-untyped]

    return _rectangles(Code128(card_no).build()[0])


def bars39(code: str) -> str:
    """Code 39, which readers of e-invoice carriers expect."""
    from barcode.codex import Code39

    return _rectangles(Code39(code, add_checksum=False).build()[0])


def _rectangles(modules: str) -> str:
    rectangles, start = [], None
    for place, module in enumerate(f"{modules}0"):
        if module == "1" and start is None:
            start = place
        elif module != "1" and start is not None:
            rectangles.append(f'<rect x="{start + QUIET}" width="{place - start}" height="{HEIGHT}"/>')
            start = None
    width = len(modules) + 2 * QUIET
    return _address(
        '<svg xmlns="http://www.w3.org/2000/svg" shape-rendering="crispEdges" '
        f'viewBox="0 0 {width} {HEIGHT}">'
        f'<rect width="{width}" height="{HEIGHT}" fill="#fff"/>{"".join(rectangles)}</svg>'
    )


def qr(card_no: str) -> str:
    """A QR code of the digits with middle error correction: a scratched screen protector still scans."""
    return str(segno.make(card_no, error="m", micro=False).svg_data_uri(scale=4, border=4, light="#fff"))


def _address(svg: str) -> str:
    return f"data:image/svg+xml,{quote(svg)}"
