"""What git says of a directory, as the properties of the original: repository, branch, commit, dirty.

What the environment says counts before it: AZUREML_GIT_REPOSITORY_URI, _BRANCH, _COMMIT, _DIRTY, _BUILD_ID, _BUILD_URI.
Without git, or outside of a checkout, there is nothing. git is asked without a prompt, without locks, without the
hooks of file system monitors, and for at most ASK_S seconds; what stands before an address's @ is not kept, since it
may be a password.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ASK_S = 5.0
_KEYS = {
    "REPOSITORY_URI": ("azureml.git.repository_uri", "mlflow.source.git.repoURL"),
    "BRANCH": ("azureml.git.branch", "mlflow.source.git.branch"),
    "COMMIT": ("azureml.git.commit", "mlflow.source.git.commit"),
    "DIRTY": ("azureml.git.dirty",),
    "BUILD_ID": ("azureml.git.build_id",),
    "BUILD_URI": ("azureml.git.build_uri",),
}
_PREFIX = "AZUREML_GIT_"
# git of another repository may have started this process, and names it to its children.
_INHERITED = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR")
_ADDRESS = re.compile(r"^(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*)://(?:(?P<user>[^/?#]*)@)?(?P<rest>[^?#]*)")


def properties(directory: str | os.PathLike[str], environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The properties of a directory's checkout, both families of keys; empty where there is none.

    :param directory: The directory, or a file in it.
    """
    path = Path(directory)
    said = {name: environ[_PREFIX + name] for name in _KEYS if environ.get(_PREFIX + name)}
    found = {**_asked(path if path.is_dir() else path.parent, environ), **said}
    for name in ("REPOSITORY_URI", "BUILD_URI"):
        if name in found:
            found[name] = without_credentials(found[name])
    return {key: found[name] for name, keys in _KEYS.items() for key in keys if found.get(name)}


def without_credentials(address: str) -> str:
    """An address as it may be shown: nothing before the @ of http, no password of others, no query."""
    match = _ADDRESS.match(address)
    if match is None:  # host:path of ssh, or a path
        return address
    scheme, user, rest = match["scheme"], match["user"], match["rest"]
    name = (user or "").partition(":")[0] if not scheme.lower().startswith("http") else ""
    return f"{scheme}://{name}@{rest}" if name else f"{scheme}://{rest}"


def _asked(directory: Path, environ: Mapping[str, str]) -> dict[str, str]:
    directory = Path(os.path.realpath(directory))
    if not any(os.path.lexists(above / ".git") for above in (directory, *directory.parents)):
        return {}
    quiet = {name: value for name, value in environ.items() if name not in _INHERITED}
    quiet |= {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    state = _begun(directory, quiet, "status", "--porcelain=v2", "--branch", ".")
    address = _begun(directory, quiet, "ls-remote", "--get-url")
    lines = _said(state)
    if lines is None:  # a tree so large that its state takes too long; the rest may still answer
        commit = _said(_begun(directory, quiet, "rev-parse", "HEAD"))
        branch = _said(_begun(directory, quiet, "symbolic-ref", "--short", "HEAD"))
        found = {"COMMIT": commit, "BRANCH": branch}
    else:
        head = dict(line[2:].split(" ", 1) for line in lines.splitlines() if line.startswith("# branch."))
        found = {
            "COMMIT": head.get("branch.oid", "").replace("(initial)", ""),
            "BRANCH": head.get("branch.head", "").replace("(detached)", ""),
            "DIRTY": "True" if any(not line.startswith("#") for line in lines.splitlines()) else "",
        }
    remote = _said(address)
    if found["COMMIT"] and remote and re.search(r"[/:\\]", remote):  # without a remote, git prints 'origin'
        found["REPOSITORY_URI"] = remote
    return {name: value for name, value in found.items() if value}


def _begun(directory: Path, environ: Mapping[str, str], *words: str) -> Any:
    """A git process, or None where there is none."""
    import subprocess

    try:
        return subprocess.Popen(
            ["git", "-c", "core.fsmonitor=false", *words],
            cwd=directory,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is the script's
        )
    except OSError:
        return None


def _said(process: Any) -> str | None:
    """What it printed, nothing where it failed; None where it took too long."""
    import subprocess

    if process is None:
        return ""
    with process:
        try:
            printed, _ = process.communicate(timeout=ASK_S)
        except subprocess.TimeoutExpired:
            process.kill()
            return None
        except BaseException:
            process.kill()
            raise
    text: str = printed.decode("utf-8", "replace").replace("\0", "").strip()
    return text if process.returncode == 0 else ""
