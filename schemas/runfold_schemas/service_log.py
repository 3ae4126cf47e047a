"""What Runfold's services write to standard error: one line an event, with fields, for people or for machines.

A line names what happened by a word that never changes (`away`, `assigned`, `dead_letter`) and says the rest in fields:
`log.warning("away", extra={"service": "postgres"})`. Fields have one name everywhere: workspace, run_id, writer_id,
topic, partition, offset, service, detail.

    text    2026-11-24T12:00:00.000Z WARNING runfold_consumers.engine.loop away service=postgres detail="..."
    json    {"time": ..., "level": ..., "logger": ..., "event": "away", "service": "postgres", ...}

The setting RUNFOLD_LOG chooses. Sole importer of pythonjsonlogger.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import datetime, timezone
from typing import Any, Literal, TextIO

Format = Literal["text", "json"]
_OWN = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {"message", "asctime", "taskName"}
_BARE = re.compile(r"[^\s\"=]+")


def configure(form: Format, level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Sends all logging of this process to standard error in that form.

    Args:
        form: text or json.
        level: the lowest that is written; kafka-python's own lines only from ERROR on: of a broker that is away they
            come many a second, ours come once.
        stream: instead of standard error.
    """
    handler = logging.StreamHandler(sys.stderr if stream is None else stream)
    handler.setFormatter(_json() if form == "json" else _Text())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.getLogger("kafka").setLevel(max(level, logging.ERROR))
    for chatty in ("httpx", "httpcore", "authlib"):
        logging.getLogger(chatty).setLevel(max(level, logging.WARNING))


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = "".join(f" {name}={_shown(value)}" for name, value in _fields(record).items())
        line = f"{_moment(record)} {record.levelname} {record.name} {record.getMessage()}{fields}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def _json() -> logging.Formatter:
    from pythonjsonlogger.json import JsonFormatter

    class Lines(JsonFormatter):
        def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
            log_data |= {"time": _moment(record), "level": record.levelname, "logger": record.name}
            log_data |= {"event": record.getMessage(), **_fields(record)}
            if record.exc_info:
                log_data["exception"] = self.formatException(record.exc_info)

    return Lines(json_default=str)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _OWN}


def _moment(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, tz=timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _shown(value: object) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if _BARE.fullmatch(text) else json.dumps(text, ensure_ascii=False)
