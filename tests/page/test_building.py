"""What is committed of the page, and how it is built."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.page.building import ROOT, SOURCES, builder


def committed() -> list[str]:
    """Files that are in git, or would be."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return listed.stdout.splitlines()


def test_the_lock_file_names_digests_and_no_registry() -> None:
    text = (SOURCES / "package-lock.json").read_text()
    packages = {name: entry for name, entry in json.loads(text)["packages"].items() if name}
    assert [name for name, entry in packages.items() if "integrity" not in entry] == []
    assert "resolved" not in text
    assert (
        re.findall(r"https?://(?![\w.-]*(?:github\.com|opencollective\.com|paypal|patreon|tidelift))[^\"]+", text) == []
    )


def test_every_dependency_of_the_page_is_named_in_the_lock_file_as_package_json_asks() -> None:
    asked = json.loads((SOURCES / "package.json").read_text())
    locked = json.loads((SOURCES / "package-lock.json").read_text())["packages"][""]
    assert [locked.get(kind) for kind in ("dependencies", "devDependencies")] == [
        asked["dependencies"],
        asked["devDependencies"],
    ]


def test_nothing_built_and_nothing_third_party_is_committed() -> None:
    below = [name for name in committed() if name.startswith("consumers/page/")]
    assert below
    assert [name for name in below if "node_modules" in name or re.search(r"\.(min\.js|map|woff2?|ttf)$", name)] == []
    assert [
        name for name in below if not name.endswith((".ts", ".tsx", ".css", ".html", ".json", ".svg", ".npmrc", ".py"))
    ] == []
    assert [name for name in committed() if name.startswith("consumers/runfold_consumers/api/page/")] == []


def test_nothing_is_loaded_from_elsewhere() -> None:
    builder().build(tools=True)
    outside = re.compile(
        r"""(?:src|href)=["']https?:|@import\s+(?:url\()?["']?https?:|from\s*["']https?:|import\(["']https?:"""
    )
    for path in builder().BUILT.rglob("*"):
        if path.suffix in (".html", ".css", ".js"):
            assert outside.findall(path.read_text()) == [], path
    index = (builder().BUILT / "index.html").read_text()
    assert re.findall(r"<script(?![^>]*\bsrc=)", index) == [], "the content security policy allows no inline script"
    assert "<style" not in index
    assert re.search(r"\sstyle=", index) is None


def test_what_is_built_already_is_not_built_again() -> None:
    builder().build(tools=True)
    assert builder().build(tools=True) is False


def test_a_build_that_cannot_reach_a_registry_says_what_to_do(tmp_path: Path) -> None:
    copy = tmp_path / "consumers" / "page"
    copy.mkdir(parents=True)
    for name in ("build.py", "package.json", "package-lock.json", ".npmrc"):
        (copy / name).write_bytes((SOURCES / name).read_bytes())
    environment = {
        "PATH": "",
        "HOME": str(tmp_path),
        "npm_config_registry": "http://127.0.0.1:9/",
        "npm_config_fetch_retries": "0",
        "npm_config_cache": str(tmp_path / "cache"),
    }
    ended = subprocess.run(
        [sys.executable, str(copy / "build.py")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode == 1
    assert "`npm ci" in ended.stderr
    assert "NPM_CONFIG_REGISTRY" in ended.stderr
    assert "RUNFOLD_PAGE=none" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("task", ["types", "lint", "test"])
def test_types_lint_and_the_pages_own_tests_pass(task: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert builder().main(["npm", "run", "--silent", task]) == 0, "".join(capfd.readouterr())


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_wheel_built_from_the_source_distribution_without_node_or_shell_carries_the_page(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path)], cwd=ROOT, check=True
    )
    (sdist,) = tmp_path.glob("runfold-*.tar.gz")
    (tmp_path / "empty").mkdir()
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "--wheel-dir", str(tmp_path), str(sdist)],
        env=os.environ | {"PATH": str(tmp_path / "empty")},
        check=True,
    )
    (wheel,) = tmp_path.glob("runfold-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "runfold_consumers/api/page/index.html" in names
    assert any(re.fullmatch(r"runfold_consumers/api/page/assets/index-[\w-]+\.js", name) for name in names)
    assert [name for name in names if "node_modules" in name or "consumers/page" in name] == []
