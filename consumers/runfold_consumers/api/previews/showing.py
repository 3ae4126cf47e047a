"""The answer that shows how a file begins, whoever wrote it: of a safe type, sandboxed, marked where it is a part."""

from __future__ import annotations

from typing import Any

from fastapi import Response

from runfold_consumers.api.answers import WATERMARK_HEADER
from runfold_consumers.api.previews.sniffing import BYTES, HEAD_BYTES, safe_type

PREVIEW_BYTES_MAX = 4 << 20
SIZE_HEADER = "Runfold-Size"
_BYTES = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
SHOWN: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The whole file, as what it is: text, JSON, CSV, an image; other bytes to be saved.",
        "content": _BYTES,
        "headers": {
            SIZE_HEADER: {"description": "Bytes of the whole file.", "schema": {"type": "integer"}},
            WATERMARK_HEADER: {"description": "What was folded when this was read.", "schema": {"type": "string"}},
        },
    },
    206: {"description": "A part of it: `Content-Range` says which.", "content": _BYTES},
}
"""OpenAPI's `responses` of a route that answers so."""


def shown(
    body: bytes, size: int, watermark: str, path: str, said: str | None, first: int = 0, head: bytes | None = None
) -> Response:
    """The answer.

    Args:
        body: bytes of the file.
        size: of the whole file.
        watermark: of what was read.
        path: of the file.
        said: the media type that was said with it.
        first: where `body` begins in the file.
        head: first bytes of the file, where `body` does not begin with them.
    """
    media_type = safe_type(body[:HEAD_BYTES] if head is None else head, path, said)
    whole = len(body) == size
    headers = {
        SIZE_HEADER: str(size),
        WATERMARK_HEADER: watermark,
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "private, no-cache",
        "Content-Type": media_type,  # as it is: a response adds a charset of its own to text
    }
    if media_type == BYTES:
        headers["Content-Disposition"] = "attachment"
    if not whole:
        headers["Content-Range"] = f"bytes {first}-{first + len(body) - 1}/{size}"
    return Response(body, 200 if whole else 206, headers=headers)
