"""The files of the page: index.html for each of its addresses, and what it loads, under names that carry their digest.

They stand in the folder `page` beside this module (built by `make page`, in wheels by their build) and are kept in
memory, gzip beside plain; a new build is taken up at the next look at index.html. An address of a view comes with a
header that names the view's scripts and styles (views.json, which Vite writes), so that the browser loads them beside
the page's own rather than after these have run. Nothing here knows who asks: the page says nothing that is not public,
and all else it gets from the API.
"""

from __future__ import annotations

import gzip
import json
import mimetypes
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response

FOLDER = Path(__file__).parent / "page"
_FOREVER = "public, max-age=31536000, immutable"
_EACH_TIME = "no-cache"
_VIEWS = "views.json"
_VIEW_OF_RUN = "run"
_GZIP_BYTES_MIN = 512
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
_NOT_BUILT = """The page is not built. From a source tree: `make page`. Wheels of Runfold carry it built.
The API itself is up: /openapi.json describes it, and the command `runfold` reads it.
"""


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    zipped: bytes | None
    media_type: str
    etag: str
    cache: str

    @classmethod
    def read(cls, path: Path, *, cache: str) -> _File:
        content = path.read_bytes()
        known = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        zipped = gzip.compress(content, 9, mtime=0) if len(content) >= _GZIP_BYTES_MIN else None
        return cls(
            content,
            zipped if zipped is not None and len(zipped) < len(content) else None,
            "text/html; charset=utf-8" if path.suffix == ".html" else known,
            f'"{sha256(content).hexdigest()[:32]}"',
            cache,
        )

    def answer(self, request: Request, **more: str) -> Response:
        headers = {"Cache-Control": self.cache, "ETag": self.etag, "Vary": "Accept-Encoding", **more}
        if request.headers.get("if-none-match") == self.etag:
            return Response(status_code=304, headers=headers)
        if self.zipped is not None and "gzip" in request.headers.get("accept-encoding", ""):
            return Response(self.zipped, headers={**headers, "Content-Encoding": "gzip"}, media_type=self.media_type)
        return Response(self.content, headers=headers, media_type=self.media_type)


class PageFiles:
    """The files of a build, read again when index.html is another file than it was."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self._index = folder / "index.html"
        self._seen: tuple[int, int] | None = None
        self._newest: dict[str, _File] = {}
        self._files: dict[str, _File] = {}
        self._links: dict[str, str] = {}

    def index(self, request: Request, view: str | None = None) -> Response:
        """index.html, with what the view loads in a header; or 503 that says how the page is built."""
        self._look()
        file = self._files.get("index.html")
        if file is None:
            return Response(_NOT_BUILT, 503, {"Cache-Control": "no-store"}, "text/plain; charset=utf-8")
        link = self._links.get(view or "")
        return file.answer(request) if link is None else file.answer(request, Link=link)

    def file(self, request: Request, name: str) -> Response:
        """A file by its path below the folder, or 404. No path leads out: only names that were listed are known."""
        if name not in self._files:
            self._look()
        file = self._files.get(name)
        if file is None:
            return Response(
                f"The page has no file {name!r}; it may have been built anew: load it again.\n",
                404,
                {"Cache-Control": "no-store"},
                "text/plain; charset=utf-8",
            )
        return file.answer(request)

    def _look(self) -> None:
        try:
            stat = self._index.stat()
        except OSError:
            return  # not built, or this moment put in place: what was read before is served on
        if self._seen == (stat.st_mtime_ns, stat.st_size):
            return
        # Pages that are open load views under the names of the build before.
        before = {name: file for name, file in self._newest.items() if name.startswith("assets/")}
        self._newest = {
            name: _File.read(path, cache=_FOREVER if name.startswith("assets/") else _EACH_TIME)
            for path in sorted(self._folder.rglob("*"))
            if path.is_file()
            for name in (path.relative_to(self._folder).as_posix(),)
        }
        self._files = {**before, **self._newest}
        views = self._newest.get(_VIEWS)
        self._links = _links(json.loads(views.content)) if views is not None else {}
        self._seen = (stat.st_mtime_ns, stat.st_size)


def _links(manifest: dict[str, Any]) -> dict[str, str]:
    """Of each view the header that names its files, without those that index.html names itself."""
    index = _needed(manifest, "index.html")
    found: dict[str, str] = {}
    for name, part in manifest.items():
        if part.get("isDynamicEntry"):
            files = [file for file in _needed(manifest, name) if file not in index]
            found[part["name"]] = ", ".join(
                f"</{file}>; rel=preload; as=style; crossorigin"
                if file.endswith(".css")
                else f"</{file}>; rel=modulepreload"
                for file in files
            )
    return found


def _needed(manifest: dict[str, Any], name: str) -> list[str]:
    """Files of a part and of all that it imports, each once."""
    seen, files, left = {name}, dict[str, None](), [name]
    while left:
        part = manifest[left.pop(0)]
        files |= dict.fromkeys((part["file"], *part.get("css", ())))
        further = [one for one in part.get("imports", ()) if one not in seen]
        seen.update(further)
        left += further
    return list(files)


def _view_of(place: str) -> str | None:
    """The view at the place below /w/, as src/url/codec.ts reads it."""
    _, view, *rest = (*place.split("/"), "", "")
    return _VIEW_OF_RUN if view == "runs" and rest[0] else view or "runs"


def routes(files: PageFiles | None = None) -> APIRouter:
    """The page's routes; they are no part of the API's description."""
    files = files or PageFiles()
    router = APIRouter(include_in_schema=False)

    @router.api_route("/", methods=["GET", "HEAD"])
    @router.api_route("/sign-in", methods=["GET", "HEAD"])
    def index(request: Request) -> Response:
        return files.index(request)

    @router.api_route("/w/{place:path}", methods=["GET", "HEAD"])
    def view(request: Request, place: str) -> Response:
        return files.index(request, _view_of(place))

    @router.api_route("/mark.svg", methods=["GET", "HEAD"])
    def mark(request: Request) -> Response:
        return files.file(request, "mark.svg")

    @router.api_route("/assets/{name:path}", methods=["GET", "HEAD"])
    def asset(request: Request, name: str) -> Response:
        return files.file(request, f"assets/{name}")

    return router
