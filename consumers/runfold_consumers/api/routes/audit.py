"""The audit, for administrators: each sees the workspaces that they administer."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, Field

from runfold_consumers.api.acting import Asking
from runfold_consumers.api.answers import Moment
from runfold_consumers.api.database import statement
from runfold_consumers.api.errors import documented
from runfold_consumers.api.paging import Cursor, Limit, cursor_of, place_of

routes = APIRouter(prefix="/v1", tags=["access"], responses=documented())

Text = Annotated[str | None, Query(max_length=1024, pattern="^[^\\x00]*$")]


class AuditRow(BaseModel):
    """What somebody did."""

    audit_id: int
    at: Moment
    principal: str
    action: str = Field(examples=["access-token.created"])
    subject: str | None = Field(description="To what.")
    workspace: str | None = Field(description="Where; null: in none, `*`: in all.")
    address: str | None = Field(description="From where, as the API's server saw it.")
    via: str | None = Field(description="By what right: `access-token <id>`, `session <id>`, `command`.")
    detail: dict[str, Any]


class AuditAnswer(BaseModel):
    """Rows of the audit, latest first."""

    audit: list[AuditRow]
    next_cursor: str | None = Field(description="`cursor` of the next page; null on the last one.")


@routes.get("/audit", summary="The audit")
def audit(
    asking: Asking,
    workspace: Annotated[Text, Query(description="Only of this one.")] = None,
    principal: Annotated[Text, Query(description="Only what they did.")] = None,
    action: Annotated[Text, Query(description="Only this, such as access-token.created or read.")] = None,
    subject: Annotated[Text, Query(description="Only what was done to it.")] = None,
    from_time: Annotated[AwareDatetime | None, Query(description="From then on, with time zone.")] = None,
    to_time: Annotated[AwareDatetime | None, Query(description="Before then, with time zone.")] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> AuditAnswer:
    """Administrative acts, and where it is switched on (RUNFOLD_AUDIT_READS) reads. Who administers all sees all."""
    (before,) = place_of(cursor, int)
    wanted = {
        "before": before,
        "workspaces": asking.administered(),
        "of_workspace": workspace,
        "principal": principal,
        "action": action,
        "subject": subject,
        "from_time": from_time,
        "to_time": to_time,
        "limit": limit + 1,
    }
    with asking.connection() as connection:
        rows = connection.execute(statement("audit"), wanted).fetchall()
    page = rows[:limit]
    return AuditAnswer(
        audit=[AuditRow(**row) for row in page],
        next_cursor=cursor_of(page[-1]["audit_id"]) if len(rows) > limit else None,
    )
