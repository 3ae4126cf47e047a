"""Shapes of the answers about snapshots' files."""

from __future__ import annotations

from pydantic import BaseModel, Field

from runfold_consumers.api.answers import Answer
from runfold_consumers.api.code.differing import Content
from runfold_consumers.api.code.zips import File

_CRC32 = (
    "CRC-32 of the content, as the ZIP says: 8 hexadecimal digits. No proof against who wants two files to look alike."
)


class CodeContent(BaseModel):
    """What a file is."""

    size: int = Field(description="Bytes, as the ZIP says.")
    crc32: str = Field(description=_CRC32, examples=["cbf43926"])
    executable: bool = Field(description="Its owner may execute it.")

    @classmethod
    def of(cls, content: Content | File) -> CodeContent:
        """Of what a directory or a comparison says."""
        return cls(size=content.size, crc32=f"{content.crc32:08x}", executable=content.executable)


class CodeFile(CodeContent):
    """A file of a snapshot."""

    path: str = Field(description="As the ZIP writes it: look through it before you open anything of that name.")
    unreadable: str | None = Field(
        description="Why its bytes are not shown, such as 'is encrypted'; null where they are."
    )


class CodeFilesAnswer(Answer):
    """A page of the files of a snapshot, in the order of its ZIP: by path, as Runfold packs it."""

    snapshot_id: str
    files: list[CodeFile]
    n: int = Field(description="On this page ...")
    of: int = Field(description="... of so many.")
    content_bytes: int = Field(description="Sum of the sizes of all.")
    next_cursor: str | None = Field(description="`cursor` of the next page; null on the last one.")


class ComparedSnapshot(BaseModel):
    """A snapshot that was compared."""

    snapshot_id: str
    files: int


class LeftSnapshot(BaseModel):
    """A snapshot that could not be compared."""

    snapshot_id: str
    code: str = Field(description="not_stored, mismatched, bad_zip or too_large.")
    message: str


class CodeDifference(BaseModel):
    """A path that is not the same in all snapshots."""

    path: str
    contents: list[CodeContent] = Field(description="All that there are, by the first snapshot that has each.")
    which: list[int | None] = Field(
        description="Of each of `snapshots` the place in `contents`, from 0; null where it has no such file."
    )


class CodeDifferencesAnswer(Answer):
    """A page of what differs, by path. The same is what has the same size, CRC-32 and mode."""

    snapshots: list[ComparedSnapshot] = Field(
        description="Those that were compared, in the order in which they were named."
    )
    left: list[LeftSnapshot] = Field(description="Those that could not be, and why.")
    files: list[CodeDifference]
    n: int = Field(description="On this page ...")
    of: int = Field(description="... of so many that differ.")
    paths: int = Field(description="Paths of all compared snapshots, whether they differ or not.")
    next_cursor: str | None = Field(description="`cursor` of the next page; null on the last one.")
