"""The house rules that a machine can hold: who imports what, how large rooms are, what is never written."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas/runfold_schemas", "producer/runfold", "consumers/runfold_consumers", "deploy/runfold_deploy")
LINES_MAX = 500
SOLE_IMPORTERS = {
    "fastavro": {"runfold_schemas/codec", "runfold_schemas/evolution"},
    "kafka": {
        "runfold_schemas/topics_admin",
        "runfold/shipper/sending",
        "runfold_consumers/engine/poll",
        "runfold_consumers/engine/publishing",
    },
    "lark": {"runfold_consumers/api/search/language"},
    "minio": {"runfold_consumers/artifacts/objects"},
    "authlib": {"runfold_consumers/api/sign_on"},
    "joserfc": {"runfold_consumers/api/sign_on"},
    "httpx": {"runfold_consumers/api/sign_on"},
    "limits": {"runfold_consumers/api/limiting"},
    "pyarrow": {"runfold_consumers/api/arrow"},
    "tsdownsample": {"runfold_consumers/api/series/downsampling"},
    "plotext": {"runfold/command/plots"},
    "urllib3": {"runfold/reading/transport", "runfold_consumers/artifacts/objects"},
}


def files(*suffixes: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in listed.stdout.splitlines() if name.endswith(suffixes) and (ROOT / name).is_file()]


def modules() -> Iterator[tuple[str, Path]]:
    for package in PACKAGES:
        folder = ROOT / package
        for path in sorted(folder.rglob("*.py")):
            yield str(path.relative_to(folder.parent).with_suffix("")), path


@pytest.mark.parametrize("library", SOLE_IMPORTERS)
def test_a_foreign_library_has_one_importer_in_a_room(library: str) -> None:
    importers = set()
    for name, path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            if any(n.split(".")[0] == library for n in names):
                importers.add(name)
    allowed = SOLE_IMPORTERS[library]
    assert {i for i in importers if not any(i == a or i.startswith(a + "/") for a in allowed)} == set()


def test_rooms_stay_small() -> None:
    large = {str(p.relative_to(ROOT)): n for p in files(".py") if (n := len(p.read_text().splitlines())) > LINES_MAX}
    assert {k: v for k, v in large.items() if not k.endswith("runfold_schemas/events.py")} == {}


def test_every_module_says_what_it_is_for() -> None:
    assert [
        name
        for name, path in modules()
        if path.read_text().strip() and not ast.get_docstring(ast.parse(path.read_text()))
    ] == []


@pytest.mark.parametrize("word", ["utils", "helpers", "common", "manager", "misc"])
def test_no_module_is_called_by_a_word_that_says_nothing(word: str) -> None:
    assert [name for name, _ in modules() if word in name.split("/")[-1]] == []


BANNED = {
    "time." + "sleep(": "wait on a condition with a deadline",
    "Not" + "ImplementedError": "build it, or say TypeError with what is allowed",
    "TO" + "DO": "do it, or open an issue",
    "FIX" + "ME": "fix it",
}


@pytest.mark.parametrize("phrase", BANNED)
def test_what_is_never_written(phrase: str) -> None:
    found = [str(p.relative_to(ROOT)) for p in files(".py", ".sql", ".sh", ".toml") if phrase in p.read_text()]
    assert found == [], BANNED[phrase]


def test_no_address_of_a_package_registry_and_no_path_of_a_machine() -> None:
    address = re.compile(r"https?://(repo\d*|registry|files|pypi|proxy|index|deb|static)\.[a-z.]+\.[a-z]+")
    machine = re.compile(r"(?<![\w.])/(work|root)/")
    found = []
    for path in files(".py", ".md", ".toml", ".txt", ".json", ".sql", ".yaml", ".cfg", "Makefile", "run"):
        text = path.read_text()
        found += [
            f"{path.relative_to(ROOT)}: {m.group()}" for pattern in (address, machine) for m in pattern.finditer(text)
        ]
    assert found == []


def test_the_readme_names_every_command_and_only_those_that_exist() -> None:
    from typer.main import get_command

    from runfold_deploy.command import app

    root = get_command(app)
    known = set(root.list_commands(root.make_context("runfold", [], resilient_parsing=True)))  # type: ignore[attr-defined]
    text = (ROOT / "README.md").read_text() + (ROOT / "docs/commands.md").read_text()
    named = set(re.findall(r"`runfold ([a-z-]+)", text)) | set(re.findall(r"^ +runfold ([a-z-]+)", text, re.MULTILINE))
    assert named - known == set(), "the documents name commands that do not exist"
    assert known - named == set(), "commands without a word in the documents"


def test_links_between_documents_lead_somewhere() -> None:
    broken = []
    for path in files(".md"):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text()):
            if not (path.parent / target).exists():
                broken.append(f"{path.relative_to(ROOT)} -> {target}")
    assert broken == []


def test_every_target_of_make_that_a_document_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set()
    for path in files(".md"):
        named |= {w for words in re.findall(r"`make ([a-z ]+)", path.read_text()) for w in words.split()}
        named |= set(re.findall(r"^ +make ([a-z]+)", path.read_text(), re.MULTILINE))
    assert named - targets == set()
