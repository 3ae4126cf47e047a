"""Which form of an answer the caller prefers (RFC 9110, section 12.5.1), with quality values."""

from __future__ import annotations

import re
from collections.abc import Sequence

from runfold_consumers.api.errors import ApiError

JSON = "application/json"
ARROW_STREAM = "application/vnd.apache.arrow.stream"
_ACCEPT_CHARACTERS_MAX = 4096
_QUALITY = re.compile(r"0(\.[0-9]*)?|1(\.0*)?|\.[0-9]+")  # some say more digits than the three that are allowed


def chosen(accept: str | None, offers: Sequence[str]) -> str:
    """The offer that the caller prefers most; of equals the first. Without `Accept`, the first.

    Args:
        accept: the header as it came.
        offers: media types in lower case, without parameters.

    Raises:
        ApiError: 406 `not_acceptable`, none of them is.
    """
    if accept is None or not accept.strip():
        return offers[0]
    ranges = [_range(part) for part in accept[:_ACCEPT_CHARACTERS_MAX].split(",") if part.strip()]
    qualities = [(_quality(offer, ranges), -place, offer) for place, offer in enumerate(offers)]
    quality, _, offer = max(qualities)
    if quality <= 0:
        allowed = ", ".join(offers)
        raise ApiError(
            406,
            "not_acceptable",
            f"Accept is {accept[:100]!r}; this answers as {allowed}",
            allowed=list(offers),
        )
    return offer


def _range(part: str) -> tuple[str, float]:
    """A media range and its quality; what is malformed counts as 1, as most servers have it."""
    media, *parameters = (piece.strip().lower() for piece in part.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            told = value.strip()
            return media, float(told) if _QUALITY.fullmatch(told) else 1.0
    return media, 1.0


def _quality(offer: str, ranges: Sequence[tuple[str, float]]) -> float:
    """By the most specific range that covers the offer; 0 where none does."""
    kind = offer.partition("/")[0]
    for covering in (offer, f"{kind}/*", "*/*"):
        found = [quality for media, quality in ranges if media == covering]
        if found:
            return max(found)
    return 0.0
