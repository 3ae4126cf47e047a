"""The Compose file is the local stack in other words: the same services, commands and settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from typer.main import get_command

from runfold_deploy.command import ROOMS, app, load
from runfold_deploy.stack import own, service
from runfold_schemas.settings import Settings

DEPLOY = Path(__file__).parents[2] / "deploy"
STACK: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, Any] = STACK["services"]
OURS = {name: SERVICES[name] for name in (*own.COMMANDS, "topics", "tables")}
PLAIN = {"RUNFOLD_PROBE_HOST", "RUNFOLD_PROBE_PORT"}


def test_it_has_the_services_of_the_local_stack() -> None:
    beside = {"topics", "tables", "prometheus", "grafana"}
    assert set(SERVICES) == set(service.NAMES) | beside
    assert {name for name, each in SERVICES.items() if each.get("profiles")} == {"prometheus", "grafana"}


def test_each_runs_the_command_that_the_local_stack_runs() -> None:
    for name, words in own.COMMANDS.items():
        assert tuple(OURS[name]["command"][: len(words)]) == words


def test_every_command_and_option_of_it_exists() -> None:
    for each in OURS.values():
        first, *words = each["command"]
        command = load(first) if first in ROOMS else get_command(app)
        context = command.make_context(first, list(words), resilient_parsing=True)
        assert context is not None
        for word in words:
            if not word.startswith("-") and hasattr(command, "commands"):
                command = command.commands[word]
        options = {name for param in command.params for name in param.opts}
        assert {word for word in words if word.startswith("-")} <= options


def test_every_setting_of_it_is_one_and_the_servers_have_all_that_the_local_stack_gives_them() -> None:
    known = {f"RUNFOLD_{name.upper()}" for name in Settings.model_fields}
    for name, each in OURS.items():
        assert set(each["environment"]) <= known | PLAIN, name
        needed = ("KAFKA", "TOPIC_PREFIX", "WORKSPACE", "POSTGRES", "S3_ADDRESS", "S3_KEY", "S3_SECRET", "S3_BUCKET")
        assert {f"RUNFOLD_{key}" for key in needed} <= set(each["environment"]), name
    image = (DEPLOY / "Dockerfile").read_text()
    assert all(name in known | PLAIN | {"RUNFOLD_LOG"} for name in _names(image))


def test_no_secret_has_a_default_and_every_variable_is_in_the_example() -> None:
    text = (DEPLOY / "compose.yaml").read_text()
    example = (DEPLOY / "compose.env.example").read_text()
    for secret in ("POSTGRES_PASSWORD", "S3_KEY", "S3_SECRET"):
        assert f"${{{secret}:-" not in text
        assert f"${{{secret}:?" in text
        assert f"\n{secret}=\n" in example


def test_prometheus_scrapes_every_service_of_ours_where_it_listens() -> None:
    jobs = {job["job_name"]: job for job in yaml.safe_load((DEPLOY / "prometheus.yaml").read_text())["scrape_configs"]}
    assert set(jobs) == set(own.COMMANDS)
    for name, job in jobs.items():
        port = "8400" if name == "api" else "8600"
        assert job["static_configs"] == [{"targets": [f"{name}:{port}"]}]
    assert "RUNFOLD_PROBE_PORT=8600" in (DEPLOY / "Dockerfile").read_text()


def _names(text: str) -> set[str]:
    return {word.partition("=")[0] for word in text.split() if word.startswith("RUNFOLD_")}
