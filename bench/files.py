"""A folder of many small files, and a few large ones: up and down, interrupted and resumed, on a whole local stack.

    python -m bench.files                          10,000 small files, 5 GB in five
    python -m bench.files --gigabytes 1 --small 1000

Each transfer is a process of its own, whose greatest resident memory is shown. The object store's own rate is that of
its own client (minio) with the same bytes on the same machine; ours includes the digest, the facts and their decisions.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.figures import Figure, show
from tests.stack import Stack, local_stack

LARGE_FILES = 5
SMALL_BYTES = 4_096
RSS_MB_MAX = 200
SMALL_S_MAX = 120
SHARE = 0.5  # of the object store's own rate that ours is at least: the digest reads the file once more

BEGIN = """
import sys, time
from runfold import Experiment, Run, Workspace
workspace = Workspace.from_config()
def told(begun):
    seconds = time.monotonic() - begun
    # Not getrusage: its greatest resident memory is inherited from the process that started this one.
    peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
    print(seconds, int(peak) / 1024, flush=True)
"""
NEW = (
    BEGIN
    + """
run = Experiment(workspace, "bench-files").start_logging(snapshot_directory=None, outputs=False)
run.flush()
print(run.id)
"""
)
UP = (
    BEGIN
    + """
run = Run.get(workspace, sys.argv[1])
begun = time.monotonic()
print("begun", flush=True)
run.upload_folder(sys.argv[2], sys.argv[3])
told(begun)
"""
)
DOWN = (
    BEGIN
    + """
run = Run.get(workspace, sys.argv[1])
begun = time.monotonic()
print("begun", flush=True)
run.download_files(sys.argv[2], output_directory=sys.argv[3], append_prefix=False)
told(begun)
"""
)


def transfer(stack: Stack, text: str, *words: str) -> tuple[float, float]:
    """Seconds and MB resident of a transfer that ends."""
    running = stack.background(text, *words)
    out, told = running.communicate()
    if running.returncode:
        raise SystemExit(told)
    seconds, resident = out.split()[-2:]
    return float(seconds), float(resident)


def killed(stack: Stack, text: str, after_s: float, *words: str) -> float:
    """SIGKILLs a transfer some seconds after its beginning; how long it had."""
    running = stack.background(text, *words)
    assert running.stdout is not None
    running.stdout.readline()
    begun = time.monotonic()
    try:
        running.wait(after_s)
    except subprocess.TimeoutExpired:
        running.send_signal(signal.SIGKILL)
    running.communicate()
    if running.returncode != -signal.SIGKILL:
        raise SystemExit("the transfer ended before it could be killed: give it more bytes")
    return time.monotonic() - begun


def store_rates(stack: Stack, files: list[Path], target: Path) -> tuple[float, float]:
    """Bytes a second of the object store's own client: up and down."""
    from minio import Minio

    settings = stack.settings()
    scheme, host = settings["s3_address"].split("://", 1)
    client = Minio(
        endpoint=host,
        access_key=settings["s3_key"],
        secret_key=settings["s3_secret"],
        secure=scheme == "https",
    )
    client.make_bucket(bucket_name="bench-raw")
    size = sum(file.stat().st_size for file in files)
    begun = time.monotonic()
    for file in files:
        with file.open("rb") as source:
            client.put_object(
                bucket_name="bench-raw",
                object_name=file.name,
                data=source,
                length=file.stat().st_size,
                part_size=32 << 20,
                num_parallel_uploads=4,
            )
    up = size / (time.monotonic() - begun)
    begun = time.monotonic()
    for file in files:
        client.fget_object(bucket_name="bench-raw", object_name=file.name, file_path=str(target / file.name))
    down = size / (time.monotonic() - begun)
    for file in files:
        client.remove_object(bucket_name="bench-raw", object_name=file.name)
        (target / file.name).unlink()
    return up, down


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of each file below a folder, by path."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest = hashlib.sha256()
            with path.open("rb") as file:
                while chunk := file.read(1 << 20):
                    digest.update(chunk)
            found[path.relative_to(folder).as_posix()] = digest.hexdigest()
    return found


def written(folder: Path, count: int, size: int, depth: int) -> None:
    """Files of random bytes, so that nothing on the way can make them smaller."""
    for number in range(count):
        path = folder / (f"{number % depth}" if depth else "") / f"{number}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            for first in range(0, size, 1 << 24):
                file.write(os.urandom(min(1 << 24, size - first)))


def main() -> int:
    """Measures and shows; how many figures do not keep their limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=5.0, help="of the large files together, 10^9 bytes")
    parser.add_argument("--small", type=int, default=10_000, help="small files")
    asked = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="runfold-bench-files-"))
    size = int(asked.gigabytes * 1e9)
    room = shutil.disk_usage(work).free
    if room < 5 * size:
        raise SystemExit(f"{work} has {room / 1e9:.0f} GB free; {5 * size / 1e9:.0f} GB are needed")
    try:
        with local_stack(Path(".pytest_cache/d/runfold-jars").absolute()) as stack:
            return show(measured_small(stack, work, asked.small)) + show(measured_large(stack, work, size))
    finally:
        shutil.rmtree(work, ignore_errors=True)


def measured_small(stack: Stack, work: Path, count: int) -> list[Figure]:
    """Figures of the small files."""
    written(work / "small", count, SMALL_BYTES, 100)
    run_id = stack.script(NEW).stdout.strip()
    up_s, up_mb = transfer(stack, UP, run_id, "small", str(work / "small"))
    down_s, down_mb = transfer(stack, DOWN, run_id, "small", str(work / "small-down"))
    assert digests(work / "small") == digests(work / "small-down")
    shutil.rmtree(work / "small-down")
    again = stack.script(NEW).stdout.strip()
    cut_s = killed(stack, UP, up_s / 2, again, "small", str(work / "small"))
    resumed_s, _ = transfer(stack, UP, again, "small", str(work / "small"))
    return [
        Figure(f"{count:,} files of {SMALL_BYTES} bytes, up", up_s, "s", SMALL_S_MAX),
        Figure("  resident", up_mb, "MB", RSS_MB_MAX),
        Figure("  down", down_s, "s", SMALL_S_MAX),
        Figure("  resident", down_mb, "MB", RSS_MB_MAX),
        Figure(f"  up, killed after {cut_s:.1f} s, the same call again", resumed_s, "s", SMALL_S_MAX),
    ]


def measured_large(stack: Stack, work: Path, size: int) -> list[Figure]:
    """Figures of the large files."""
    written(work / "large", LARGE_FILES, size // LARGE_FILES, 0)
    files = sorted((work / "large").iterdir())
    (work / "raw").mkdir()
    store_up, store_down = store_rates(stack, files, work / "raw")
    run_id = stack.script(NEW).stdout.strip()
    up_s, up_mb = transfer(stack, UP, run_id, "large", str(work / "large"))
    down_s, down_mb = transfer(stack, DOWN, run_id, "large", str(work / "down"))
    shutil.rmtree(work / "down")
    again = stack.script(NEW).stdout.strip()
    cut_s = killed(stack, UP, 0.6 * up_s, again, "large", str(work / "large"))
    resumed_s, resumed_mb = transfer(stack, UP, again, "large", str(work / "large"))
    down_cut_s = killed(stack, DOWN, 0.5 * down_s, again, "large", str(work / "down"))
    down_again_s, _ = transfer(stack, DOWN, again, "large", str(work / "down"))
    assert digests(work / "large") == digests(work / "down")
    shutil.rmtree(work / "down")
    return [
        Figure(f"{size / 1e9:g} GB in {LARGE_FILES}, up", size / up_s / 1e6, "MB/s", SHARE * store_up / 1e6, True),
        Figure("  the store's own client, one at a time", store_up / 1e6, "MB/s", 0, True),
        Figure("  resident", up_mb, "MB", RSS_MB_MAX),
        Figure("  down", size / down_s / 1e6, "MB/s", SHARE * store_down / 1e6, True),
        Figure("  the store's own client, one at a time", store_down / 1e6, "MB/s", 0, True),
        Figure("  resident", down_mb, "MB", RSS_MB_MAX),
        Figure(f"  up, killed after {cut_s:.1f} of {up_s:.1f} s, resumed", resumed_s, "s", up_s),
        Figure("  resident", resumed_mb, "MB", RSS_MB_MAX),
        Figure(f"  down, killed after {down_cut_s:.1f} of {down_s:.1f} s, resumed", down_again_s, "s", down_s),
    ]


if __name__ == "__main__":
    sys.exit(main() > 0)
