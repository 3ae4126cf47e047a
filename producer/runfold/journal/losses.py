"""Why ordinals are missing: the words of LossDeclared.reason."""

from typing import Final

DISK_FULL: Final = "disk_full"
DAMAGED: Final = "damaged"
INTERRUPTED: Final = "interrupted"
