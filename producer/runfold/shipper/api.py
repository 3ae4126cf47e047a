"""What the shipper asks of the query API: a place for spooled files, and whether projections show what was shipped."""

from __future__ import annotations

import time
from collections.abc import Mapping

from runfold.exceptions import AzureMLException, ServiceException
from runfold.shipper.spool import Spooled, Upload
from runfold_schemas.settings import Settings
from runfold_schemas.watermark import Lane, Watermark

TRIES_S_MAX = 60.0  # how long one upload is tried to be begun


def uploader(settings: Settings, workspace: str) -> Upload | None:
    """What uploads one spooled file of the workspace; None where no API is known."""
    if settings.api is None:
        return None
    from runfold.reading.client import ApiClient

    client = ApiClient(settings.model_copy(update={"workspace": workspace}))

    def upload(file: Spooled) -> None:
        client.upload(
            file.run_id,
            file.sha256,
            file.size,
            file.media_type,
            lambda: file.path.open("rb"),
            timeout_s=TRIES_S_MAX,
        )

    return upload


def wait_until_visible(settings: Settings, workspace: str, ends: Mapping[Lane, int], deadline: float) -> str | None:
    """Waits until the projections show these last ordinals.

    Args:
        settings: API and access token.
        workspace: whose lanes they are.
        ends: last ordinals by lane.
        deadline: `time.monotonic()` at which to give up.

    Returns:
        None when they do, else why that is not known.
    """
    from runfold.reading.client import ApiClient

    try:
        client = ApiClient(settings.model_copy(update={"workspace": workspace}))
        seen = client.wait_for(Watermark(ordinals=ends), max(0.0, deadline - time.monotonic()))
    except (AzureMLException, ServiceException) as error:
        return str(error)
    return None if seen else "the projections are behind"
