"""How many requests are answered: per principal, and per address of those who cannot say who they are. Sole importer of
`limits`.

Counted by each process on its own, in windows that begin with the first request: within one edge of a window up to
twice the limit may pass. An IPv6 address counts by its /64, which one machine has whole.
"""

from __future__ import annotations

import ipaddress
import math
import time
from collections.abc import Sequence

from limits import RateLimitItem, parse_many
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter

from runfold_consumers.api.errors import ApiError
from runfold_schemas.settings import Settings, SettingsError


class Limits:
    """Counts, and refuses what is too much."""

    def __init__(self, settings: Settings) -> None:
        """Raises SettingsError where a limit cannot be read."""
        self._of_principals = _parsed("rate_limit", settings.rate_limit)
        self._of_failures = _parsed("rate_limit_failed", settings.rate_limit_failed)
        self._counting = FixedWindowRateLimiter(MemoryStorage())

    async def of_principal(self, name: str) -> None:
        """Counts a request of a principal. Raises ApiError 429."""
        for limit in self._of_principals:
            if not await self._counting.hit(limit, "principal", name):
                raise await self._refusal(limit, "principal", name)

    async def of_address(self, address: str | None) -> None:
        """Refuses an address from which too much failed. Raises ApiError 429."""
        key = _network(address)
        for limit in self._of_failures:
            if not await self._counting.test(limit, "address", key):
                raise await self._refusal(limit, "address", key)

    async def failed(self, address: str | None) -> None:
        """Counts a failure of an address."""
        for limit in self._of_failures:
            await self._counting.hit(limit, "address", _network(address))

    async def _refusal(self, limit: RateLimitItem, kind: str, key: str) -> ApiError:
        stats = await self._counting.get_window_stats(limit, kind, key)
        wait_s = max(1, math.ceil(stats.reset_time - time.time()))
        whose = "your requests" if kind == "principal" else "wrong access tokens from your address"
        return ApiError(
            429,
            "too_many",
            f"too many requests: {limit} of {whose} are answered; ask again in {wait_s} s",
            headers={"Retry-After": str(wait_s)},
            limit=str(limit),
            retry_after_s=wait_s,
        )


def _parsed(name: str, text: str) -> Sequence[RateLimitItem]:
    try:
        return parse_many(text)
    except ValueError:
        raise SettingsError(
            f"RUNFOLD_{name.upper()}: {text!r} is no limit; write 6000/minute, or several with ';' between them"
        ) from None


def _network(address: str | None) -> str:
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    if found.version == 6:
        if found.ipv4_mapped is None:
            return str(ipaddress.ip_network((found, 64), strict=False))
        found = found.ipv4_mapped  # so a socket of both kinds shows addresses of IPv4
    return str(found)
