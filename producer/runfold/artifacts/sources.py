"""What a script names as content, as a body with its digest: a path, a stream, bytes, a figure.

A file is read once for its digest, and again when it is sent. A stream can be read only once, so it is copied to a
scratch file that the body owns; small ones stay in memory.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import mimetypes
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, BinaryIO, NamedTuple

from runfold.exceptions import AzureMLException, UserErrorException
from runfold.journal.segments import FULL
from runfold_schemas import limits

from . import images

CHUNK_BYTES = 1 << 20


class Body(NamedTuple):
    """Bytes with their digest.

    Attributes:
        sha256: 64 lowercase hex digits.
        size: Number of bytes.
        media_type: Media type, None where nothing tells.
        data: The bytes themselves when they are few, else None.
        path: The file that holds them, else None.
        owned: Whether that file is a scratch file, to be removed or moved by whoever stores the body.
        parts: SHA-256 of each part, where it was uploaded in parts.
        stamp: The file's size and time of change (ns) when its digest was made.
    """

    sha256: str
    size: int
    media_type: str | None
    data: bytes | None
    path: Path | None
    owned: bool = False
    parts: tuple[str, ...] = ()
    stamp: tuple[int, int] | None = None

    def changed(self) -> bool:
        """Whether the file is no longer as it was when its digest was made."""
        return self.stamp is not None and self.path is not None and self.stamp != _stamp(self.path)

    def open(self) -> BinaryIO:
        """The bytes, from the beginning."""
        if self.data is not None:
            return io.BytesIO(self.data)
        if self.path is None:
            raise ValueError("a body has either data or a path")
        return self.path.open("rb")


def of_bytes(data: bytes, media_type: str | None) -> Body:
    """A body that is in memory already."""
    return Body(hashlib.sha256(data).hexdigest(), len(data), media_type, data, None)


def of(path_or_stream: object, name: str, scratch: Path) -> Body:
    """The body that `upload_file` was given.

    :param path_or_stream: str, os.PathLike, or a stream of bytes or text, which is read to its end.
    :param name: Name that tells the media type, where the path does not.
    :param scratch: Directory for the copy of a stream that is too large for memory; where it is gone, another one.
    :raises UserErrorException: It is none of these, or a directory.
    :raises FileNotFoundError: There is no such file.
    """
    if isinstance(path_or_stream, (str, os.PathLike)):
        path = Path(path_or_stream)
        if path.is_dir():
            raise UserErrorException(f"{path} is a directory; a file or a stream is needed.")
        stamp = _stamp(path)
        with path.open("rb") as source:
            digest, size, data = _digested(_chunks(source))
        told = media_type(name) or media_type(path.name)
        if data is not None:
            return Body(digest, size, told, data, None)
        return Body(digest, size, told, None, path, stamp=stamp)
    if hasattr(path_or_stream, "read"):
        return _of_stream(path_or_stream, media_type(name), scratch)
    raise UserErrorException(
        f"UnsupportedType: path_or_stream is {path_or_stream!r:.200} of type {type(path_or_stream).__name__}; "
        "a str, a path or a stream is needed."
    )


def of_image(path_or_stream: object, name: str, scratch: Path) -> Body:
    """The body of an image, its kind told by its first bytes.

    :raises UserErrorException: The bytes are no image that is known.
    """
    body = of(path_or_stream, name, scratch)
    with body.open() as opened:
        subtype = images.kind(opened.read(64))
    if subtype is None:
        raise UserErrorException(f"Argument [{path_or_stream}] is malformed.")
    return body._replace(media_type=f"image/{subtype}")


def of_plot(plot: object) -> Body:
    """The PNG of pyplot, a figure, or anything else with `savefig`.

    :raises AzureMLException: It has none.
    """
    savefig = getattr(plot, "savefig", None)
    if not callable(savefig):
        raise AzureMLException("Argument [plot] is of invalid type. Expected type: [matplotlib.pyplot]")
    drawn = io.BytesIO()
    savefig(drawn, format="png")
    return of_bytes(drawn.getvalue(), "image/png")


def media_type(name: str) -> str | None:
    """What a file's ending says."""
    return mimetypes.guess_type(name)[0]


def _stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def _of_stream(stream: object, told: str | None, scratch: Path) -> Body:
    head = bytearray()
    chunks = _chunks(stream)
    for chunk in chunks:
        head += chunk
        if len(head) > limits.INLINE_BODY_BYTES_MAX:
            break
    else:
        return of_bytes(bytes(head), told)
    copied: Path | None = None
    try:
        with tempfile.NamedTemporaryFile(
            prefix="stream-", dir=scratch if scratch.is_dir() else None, delete=False
        ) as copy:
            copied = Path(copy.name)
            digest, size, _ = _digested(_written(itertools.chain((bytes(head),), chunks), copy))
    except BaseException as error:
        if copied is not None:
            copied.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in FULL:
            raise AzureMLException(f"There is no room for a copy of the stream: {error}.") from error
        raise
    return Body(digest, size, told, None, copied, owned=True)


def _chunks(source: object) -> Iterator[bytes]:
    read = source.read  # type: ignore[attr-defined]
    while chunk := read(CHUNK_BYTES):
        yield chunk.encode() if isinstance(chunk, str) else bytes(chunk)


def _written(chunks: Iterable[bytes], copy: IO[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        copy.write(chunk)
        yield chunk


def _digested(chunks: Iterable[bytes]) -> tuple[str, int, bytes | None]:
    """Digest, size, and the bytes themselves when they may travel inside an event."""
    digest, size, small = hashlib.sha256(), 0, bytearray()
    for data in chunks:
        digest.update(data)
        size += len(data)
        if size <= limits.INLINE_BODY_BYTES_MAX:
            small += data
    return digest.hexdigest(), size, bytes(small) if size <= limits.INLINE_BODY_BYTES_MAX else None
