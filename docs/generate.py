"""Writes the pages that repeat code: events, settings and limits, exceptions, commands, query API, reference.

    python docs/generate.py            writes them
    python docs/generate.py --check    says which are stale, and ends with 1 if any is

A page that is made cannot be older than what it describes; `make lint` runs the check.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
MADE = "<!-- Made by `make docs`; edit what it is made from. -->\n\n"


def events() -> str:
    """The page for downstream consumers: how to read, and every event with its topic, its fields."""
    from runfold_schemas import catalog, topics

    told = (DOCS / "reading.md.in").read_text(encoding="utf-8")
    example = (DOCS / "consumer.py").read_text(encoding="utf-8")
    lines = [told.replace("{consumer}", example.rstrip()).replace("{contents}", "\n".join(_contents()))]
    for name in catalog.names():
        schema = catalog.schema(name)
        kind = topics.topic_of(name)
        lines += [f"### {name}\n", f"{schema['doc']}\n", f"Topic `{kind}`, key `{KEYS[kind]}`. {_counted(schema)}\n"]
        lines += ["| field | type | meaning |", "|---|---|---|"]
        lines += [f"| `{f['name']}` | {_type(f['type'])} | {f['doc']} |" for f in schema["fields"]]
        lines.append("")
        for nested in _nested(schema):
            lines += [f"`{nested['name']}`: {nested['doc']}\n", "| field | type | meaning |", "|---|---|---|"]
            lines += [f"| `{f['name']}` | {_type(f['type'])} | {f['doc']} |" for f in nested["fields"]]
            lines.append("")
    return "\n".join(lines)


KEYS = {
    "facts": "<aggregate_kind>/<aggregate_id>",
    "telemetry": "<aggregate_kind>/<aggregate_id>/<writer_id>",
    "decisions": "<source_topic_id>/<source_partition>",
}


def _contents() -> Iterator[str]:
    """A line for each event, by topic."""
    from runfold_schemas import catalog, topics

    yield "| event | topic | what it says |\n|---|---|---|"
    for kind in KEYS:
        for name in catalog.names():
            if topics.topic_of(name) == kind:
                yield f"| [{name}](#{name.lower()}) | `{kind}` | {catalog.schema(name)['doc']} |"


def _counted(schema: dict[str, Any]) -> str:
    """How a repeat of the event is told."""
    fields = {field["name"] for field in schema["fields"]}
    if "ordinal" in fields:
        return "One ordinal of the lane `facts`."
    if "first_ordinal" in fields:
        stream = "log/<name>" if "data" in fields else "points"
        return f"A range of ordinals of the lane `{stream}`; a repeat may be cut elsewhere."
    return "No ordinal: heard again, it changes nothing."


def _type(kind: Any) -> str:
    if isinstance(kind, list):
        return " or ".join(_type(k) for k in kind)
    if isinstance(kind, dict):
        if kind["type"] == "array":
            return f"array of {_type(kind['items'])}"
        if kind["type"] == "map":
            return f"map of {_type(kind['values'])}"
        if kind["type"] == "record":
            return f"`{kind['name']}`"
        return f"{kind['type']} ({kind['logicalType']})" if "logicalType" in kind else _type(kind["type"])
    return str(kind)


def _nested(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for field in schema["fields"]:
        kind = field["type"]
        if isinstance(kind, dict) and kind["type"] == "array" and isinstance(kind["items"], dict):
            yield kind["items"]


def settings() -> str:
    """Settings and limits, each once."""
    from runfold_schemas import limits
    from runfold_schemas.settings import Settings

    lines = [
        "# Settings and limits\n",
        "A setting is taken from the first of these that has it: the argument in code, the environment, a config",
        "file, `$RUNFOLD_HOME/stack.json` (which `runfold up` writes, so that nothing needs to be configured on its machine).\n",
        "| setting | default | meaning |",
        "|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        default = "" if field.default in (None, "") else f"`{field.default}`"
        lines.append(f"| `RUNFOLD_{name.upper()}` | {default} | {field.description} |")
    lines += [
        "",
        "## Plain environment variables\n",
        "Read from the environment alone.\n",
        "| variable | default | meaning |",
        "|---|---|---|",
        *(f"| `{name}` | {default} | {meaning} |" for name, (default, meaning) in VARIABLES.items()),
        "",
        "## Limits\n",
        "Quotas that were only the hosted service's are lifted; what is left has a reason.\n",
        "| limit | value |",
        "|---|---|",
    ]
    for name, value in vars(limits).items():
        if name.isupper():
            lines.append(
                f"| `{name}` | {value:,} |" if isinstance(value, (int, float)) else f"| `{name}` | `{value}` |"
            )
    return "\n".join(lines) + "\n"


VARIABLES = {
    "RUNFOLD_HOME": ("`~/.local/state/runfold`; for root `/var/lib/runfold`", "Local stack and journals."),
    "RUNFOLD_SERVING": ("the only one there is", "Provider of `runfold.serving` that Model.deploy and its kin ask."),
    "RUNFOLD_SECRET_<NAME>": (
        "",
        "A secret, for the provider `environment`: `db-password` is RUNFOLD_SECRET_DB_PASSWORD.",
    ),
    "RUNFOLD_PROBE_PORT": ("`0`: a free one", "Port of /livez, /readyz and /metrics of a server process."),
    "RUNFOLD_PROBE_HOST": ("`127.0.0.1`", "Address that these are served on."),
    "RUNFOLD_MAVEN_REPOSITORY": ("Maven's own settings, else the public one", "Where `runfold up` gets Kafka's jars."),
    "RUNFOLD_JARS": ("`$RUNFOLD_HOME/jars`", "Folder of Kafka's jars."),
    "AML_SNAPSHOT_NO_FILE_LIMIT": ("", "Any value lifts the limit of 2,000 files of a snapshot."),
    "AZUREML_GIT_<FACT>": (
        "",
        "REPOSITORY_URI, BRANCH, COMMIT, DIRTY, BUILD_ID, BUILD_URI: go before what git says.",
    ),
    "AZUREML_MODEL_DIR": ("`azureml-models`", "Where Model.get_model_path looks outside of a job."),
    "AZUREML_RUN_POLLING_INTERVAL_MIN": ("`2`", "Least seconds between two looks of wait_for_completion."),
    "AZUREML_RUN_POLLING_INTERVAL_MAX": ("`60`", "Most seconds between two looks of wait_for_completion."),
    "AZUREML_RUN_ID, AZUREML_ARM_SUBSCRIPTION, AZUREML_ARM_RESOURCEGROUP, AZUREML_ARM_WORKSPACE_NAME, "
    "AZUREML_ARM_PROJECT_NAME, AZUREML_RUN_TOKEN, AZUREML_SERVICE_ENDPOINT": (
        "",
        "All seven make a job, as RUNFOLD_WORKSPACE, RUNFOLD_EXPERIMENT and RUNFOLD_RUN_ID together do.",
    ),
    "AZUREML_DATASET_ENVIRONMENT_VARS, AZUREML_DATASET_FILE_OUTPUTS, AZUREML_LINK_DATASET_OUTPUTS": (
        "",
        "Set for a script: names of its input and output datasets, whose paths stand in variables of these names.",
    ),
    "RANK, WORLD_SIZE; OMPI_COMM_WORLD_RANK, _SIZE; SLURM_PROCID, SLURM_NTASKS": (
        "",
        "Rank and world size, from the first of these pairs that is set.",
    ),
    "SLURM_RESTART_COUNT, TORCHELASTIC_RESTART_COUNT": ("", "The attempt, where RUNFOLD_ATTEMPT does not say it."),
    "VAULT_ADDR, VAULT_TOKEN, VAULT_NAMESPACE": ("", "HashiCorp Vault's own."),
    "RUNFOLD_PARENT_RUN_ID, RUNFOLD_SUBMITTED, RUNFOLD_JOB, RUNFOLD_DATA_<NAME>, RUNFOLD_AZUREML, RUNFOLD_STACK_SERVICE": (
        "",
        "Runfold's own words to the processes that it starts.",
    ),
}
"""Environment variables that are no setting: (default, meaning)."""


def exceptions() -> str:
    """The exception tree."""
    from runfold import exceptions as module

    classes = [c for c in vars(module).values() if inspect.isclass(c) and issubclass(c, Exception)]
    children: dict[type, list[type]] = {}
    for found in classes:
        children.setdefault(next(b for b in found.__mro__[1:] if b in classes or b is Exception), []).append(found)

    def tree(parent: type, depth: int) -> Iterator[str]:
        for found in sorted(children.get(parent, []), key=lambda c: c.__name__):
            told = inspect.getdoc(found) or ""
            carried = re.findall(r"^:param (\w+):", told, re.MULTILINE) if found.__module__.endswith("ledger") else []
            names = f" (`.{'`, `.'.join(carried)}`)" if carried else ""
            yield f"{'  ' * depth}- `{found.__name__}`{names}: {told.splitlines()[0]}"
            yield from tree(found, depth + 1)

    return (
        "# Exceptions\n\nWrong arguments raise at the call, in the original's family. Trouble of the infrastructure never\n"
        "reaches the training loop: only `flush` and reads raise it.\n\n" + "\n".join(tree(Exception, 0)) + "\n"
    )


def commands() -> str:
    """The `runfold` command, from its own help."""
    from typer.main import get_command

    from runfold_deploy.command import ROOMS, app, load

    def walk(command: Any, path: str) -> Iterator[str]:
        context = command.make_context(path.split()[-1], [], resilient_parsing=True)
        yield f"## `{path}`\n\n{inspect.cleandoc(command.help or '')}\n"
        options = [p for p in command.params if p.name != "help" and not getattr(p, "hidden", False)]
        if options:
            yield "| option | default | meaning |\n|---|---|---|"
            for option in options:
                names = ", ".join(f"`{o}`" for o in option.opts)
                default = (
                    "" if option.default in (None, False, (), "") or callable(option.default) else f"`{option.default}`"
                )
                yield f"| {names} | {default} | {getattr(option, 'help', None) or ''} |"
            yield ""
        if hasattr(command, "list_commands"):
            for name in command.list_commands(context):
                inner = load(name) if path == "runfold" and name in ROOMS else command.get_command(context, name)
                yield from walk(inner, f"{path} {name}")

    from runfold_schemas import exits

    head = [
        "# Commands\n",
        "[Use the command line](how-to/command-line.md) shows them at work. What an API is needed for takes its address,",
        "access token and workspace from the [settings](settings.md); `runfold doctor` tells which.\n",
        "## Exit codes\n",
        "| code | meaning |",
        "|---|---|",
        *(f"| {code} | {meaning} |" for code, meaning in exits.MEANINGS.items()),
        "",
        "A server process (`api`, `project`) ends 0 when it was asked to and 1 when somebody must look; `exec` ends as its",
        "script does.\n",
    ]
    root = get_command(app)
    return "\n".join([*head, *walk(root, "runfold")]) + "\n"


def api() -> str:
    """The query API, from its own OpenAPI description."""
    from runfold_consumers.api.app import application
    from runfold_consumers.artifacts.objects import Objects

    described = application(
        "postgresql://127.0.0.1", Objects("http://127.0.0.1:1", "key", "secret", "bucket")
    ).openapi()
    lines = [
        "# Query API\n",
        "Every route but `/livez` and `/readyz` refuses without an access token: `Authorization: Bearer rft_...`.",
        "Answers name their `watermark`. `not_before` waits for one, at most `wait_s` seconds, then answers 503 `not_yet`. The",
        "same description as OpenAPI: `GET /openapi.json`.\n",
    ]
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            lines += [f"## {method.upper()} {path}\n", f"{operation.get('description') or operation['summary']}\n"]
            parameters = [p for p in operation.get("parameters", []) if p["in"] in ("query", "path")]
            if parameters:
                lines += ["| parameter | in | meaning |", "|---|---|---|"]
                lines += [f"| `{p['name']}` | {p['in']} | {p.get('description', '').strip()} |" for p in parameters]
                lines.append("")
    return "\n".join(lines)


def reference() -> str:
    """Every public class, from its docstrings."""
    sys.path.insert(0, str(DOCS.parent))
    from docs import reference as set_in_type

    return set_in_type.page()


def process_metrics() -> str:
    """What Runfold's processes tell of themselves."""
    from runfold_schemas.process_metrics import ALL

    lines = [
        "# Process metrics\n",
        "Every service of Runfold serves these at `/metrics` in Prometheus' text format: projectors, watchdog and node",
        "shipper on their probe port (`RUNFOLD_PROBE_PORT`, 127.0.0.1, beside `/livez` and `/readyz`), the API on its own",
        "address behind an access token that may read. `deploy/grafana/runfold.json` is a dashboard over them.\n",
        "What names a workspace, run or writer is no label but a field of log lines: `RUNFOLD_LOG=json` makes each line",
        "of a service one JSON object with `time`, `level`, `logger`, `event` and fields such as `workspace`, `run_id`,",
        "`writer_id`, `topic`, `partition`, `offset`, `service`, `detail`.\n",
        "| process metric | kind | labels | services | what it tells |",
        "|---|---|---|---|---|",
    ]
    for each in ALL:
        labels = ", ".join(f"`{label}`" for label in each.labels)
        lines.append(f"| `{each.name}` | {each.kind} | {labels} | {', '.join(each.services)} | {each.about} |")
    return "\n".join(lines) + "\n"


def dashboard() -> str:
    """Grafana's dashboard over them."""
    from runfold_deploy import dashboard as made

    return made.document()


PAGES: dict[str, Callable[[], str]] = {
    "events.md": events,
    "settings.md": settings,
    "exceptions.md": exceptions,
    "commands.md": commands,
    "api.md": api,
    "reference.md": reference,
    "process-metrics.md": process_metrics,
    "../deploy/grafana/runfold.json": dashboard,
}


def main(words: list[str]) -> int:
    """Writes the pages, or with --check tells which are stale."""
    stale = []
    for name, page in PAGES.items():
        head = MADE if name.endswith(".md") else ""
        text = head + page().rstrip() + "\n"
        path = DOCS / name
        if not path.exists() or path.read_text() != text:
            stale.append(name)
            if "--check" not in words:
                path.write_text(text)
    if "--check" in words and stale:
        sys.stderr.write(f"stale: {', '.join(stale)}. Run: make docs\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
