"""Which media type an answer may say of bytes that somebody uploaded. Pure.

A browser does with an answer what its type says, in the name of whoever looks: so nothing here is ever called HTML, SVG
or a script. Images are told by their first bytes, JSON and CSV by what the artifact says it is and by being text; all
other text is plain text, all else is bytes to be saved.
"""

from __future__ import annotations

TEXT = "text/plain; charset=utf-8"
JSON = "application/json"
CSV = "text/csv; charset=utf-8"
BYTES = "application/octet-stream"
HEAD_BYTES = 512

_IMAGES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
_JSON_ENDINGS = (".json", ".geojson", ".ipynb")
_CSV_ENDINGS = (".csv", ".tsv")
_CONTROL = frozenset(range(0x20)) - frozenset(b"\t\n\r\f\x1b\b") | {0x7F}


def safe_type(head: bytes, path: str, said: str | None) -> str:
    """The media type.

    Args:
        head: the first HEAD_BYTES of the whole file.
        path: of the artifact.
        said: the media type that was said with it.
    """
    for magic, image in _IMAGES:
        if head.startswith(magic):
            return image
    if head[:2] == b"BM" and head[6:10] == b"\0\0\0\0":  # texts begin with BM, too
        return "image/bmp"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if not is_text(head):
        return BYTES
    said, path = (said or "").partition(";")[0].strip().lower(), path.lower()
    if said == JSON or said.endswith("+json") or path.endswith(_JSON_ENDINGS):
        return JSON
    if said == "text/csv" or path.endswith(_CSV_ENDINGS):
        return CSV
    return TEXT


def is_text(head: bytes) -> bool:
    """Whether bytes read as UTF-8 text, a character cut off at the end notwithstanding."""
    for cut in range(4):
        part = head[: len(head) - cut] if cut else head
        try:
            part.decode()
        except UnicodeDecodeError:
            if len(head) < HEAD_BYTES:
                return False
            continue
        return not any(byte in _CONTROL for byte in part)
    return False
