"""Which kind of image some bytes are, by the first of them. Pure; imghdr is gone in Python 3.13."""

from __future__ import annotations


def kind(head: bytes) -> str | None:
    """The subtype of image/... that the bytes begin like; None for anything else.

    :param head: The first 32 bytes, or more.
    """
    for subtype, offset, magic in (
        ("png", 0, b"\x89PNG\r\n\x1a\n"),
        ("jpeg", 0, b"\xff\xd8\xff"),
        ("gif", 0, b"GIF87a"),
        ("gif", 0, b"GIF89a"),
        ("webp", 8, b"WEBP"),
        ("tiff", 0, b"II*\0"),
        ("tiff", 0, b"MM\0*"),
        ("bmp", 0, b"BM"),
        ("x-exr", 0, b"\x76\x2f\x31\x01"),
        ("x-rgb", 0, b"\x01\xda"),
        ("x-cmu-raster", 0, b"\x59\xa6\x6a\x95"),
    ):
        if head[offset : offset + len(magic)] == magic:
            return subtype
    if len(head) > 2 and head[:1] == b"P" and head[1] in b"123456" and head[2:3].isspace():
        return "x-portable-anymap"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    return "svg+xml" if text.startswith((b"<svg", b"<?xml")) else None
