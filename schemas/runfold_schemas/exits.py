"""The codes with which commands end: one meaning each, whatever the command.

A server process (`api`, `project`) ends 0 when it was asked to and 1 when somebody must look; `exec` ends as its script
does.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

OK: Final = 0
FAILED: Final = 1
USAGE: Final = 2
NOTHING: Final = 3
REFUSED: Final = 4
AWAY: Final = 5
NOT_YET: Final = 6
INTERRUPTED: Final = 130

MEANINGS: Final = MappingProxyType(
    {
        OK: "Done; what was looked at is well.",
        FAILED: "It failed, or what was looked at is not well: a check, a journal, a service, a watched run.",
        USAGE: "An option, a filter or a setting is wrong.",
        NOTHING: "What was asked for is not there; nothing is up; something is left to ship.",
        REFUSED: "Not authorised: the access token is missing, unknown, expired, or lacks workspace or scope.",
        AWAY: "A service does not answer.",
        NOT_YET: "The ledger answers, and has not folded yet what was waited for.",
        INTERRUPTED: "Interrupted by the keyboard.",
    }
)
