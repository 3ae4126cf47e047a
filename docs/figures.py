"""Draws the figures of the docs: `make docs` runs it, so that no picture is older than what it shows."""

from __future__ import annotations

from pathlib import Path

FIGURES = Path(__file__).parent / "figures"

_STYLE = """
  .room { fill: #f6f8fa; stroke: #57606a; stroke-width: 1.5; rx: 8; }
  .store { fill: #fff8e6; stroke: #9a6700; stroke-width: 1.5; rx: 8; }
  .title { font: 600 15px system-ui, sans-serif; fill: #1f2328; }
  .text { font: 12px system-ui, sans-serif; fill: #424a53; }
  .arrow { stroke: #0969da; stroke-width: 2; fill: none; marker-end: url(#head); }
  .label { font: italic 11px system-ui, sans-serif; fill: #0969da; }
  .ground { fill: #ffffff; }
"""


def box(x: int, y: int, width: int, height: int, title: str, lines: list[str], kind: str = "room") -> str:
    """A rounded box with a title and lines of text."""
    parts = [f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}"/>']
    parts.append(f'<text class="title" x="{x + 14}" y="{y + 24}">{title}</text>')
    parts += [f'<text class="text" x="{x + 14}" y="{y + 44 + 17 * i}">{line}</text>' for i, line in enumerate(lines)]
    return "\n".join(parts)


def arrow(path: str, label: str, x: int, y: int) -> str:
    """An arrow along an SVG path, with its label at (x, y)."""
    return f'<path class="arrow" d="{path}"/>\n<text class="label" x="{x}" y="{y}">{label}</text>'


def way_of_a_fact() -> str:
    """The rooms, and the way of a fact through them."""
    parts = [
        box(
            20,
            20,
            230,
            118,
            "training process",
            [
                "run.log(&quot;loss&quot;, 0.31, step=7)",
                "façade: checks, never waits",
                "journal: mmap, one ordinal",
                "shipper thread or node shipper",
            ],
        ),
        box(
            330,
            20,
            250,
            118,
            "Kafka, the log",
            [
                "facts: one order per run",
                "telemetry: points, commutes",
                "decisions: what was refused",
                "contract: schemas, manifest",
            ],
            "store",
        ),
        box(
            660,
            20,
            240,
            118,
            "state projector",
            ["poll a batch", "fold: pure, all rules", "state + position:", "one transaction"],
        ),
        box(
            660,
            200,
            240,
            100,
            "Postgres",
            ["state: drop it, fold again", "observed: what was looked at", "control: access tokens"],
            "store",
        ),
        box(
            330,
            200,
            250,
            100,
            "query API",
            ["answers from one snapshot", "names its watermark", "waits for your own writes"],
        ),
        box(
            20,
            200,
            230,
            100,
            "object storage",
            ["workspace / run / sha256", "read back before it is", "called available"],
            "store",
        ),
        arrow("M250,80 L326,80", "acks=all", 262, 70),
        arrow("M580,80 L656,80", "batch", 600, 70),
        arrow("M780,138 L780,196", "one transaction", 790, 172),
        arrow("M660,250 L584,250", "SQL", 608, 242),
        arrow("M330,220 C300,200 240,170 200,142", "get_metrics", 262, 176),
        arrow("M90,138 L90,196", "signed URL", 98, 172),
    ]
    body = "\n".join(parts)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 920 320" width="920" height="320" role="img" '
        'aria-label="The way of one fact: journal, shipper, Kafka, projector, Postgres, query API">\n'
        f"<style>{_STYLE}</style>\n"
        '<defs><marker id="head" markerWidth="8" markerHeight="8" refX="7" refY="3" orient="auto">'
        '<path d="M0,0 L7,3 L0,6 z" fill="#0969da"/></marker></defs>\n'
        f'<rect class="ground" width="920" height="320"/>\n{body}\n</svg>\n'
    )


def demo(path: Path) -> None:
    """What `runfold demo` prints, on a stack of its own."""
    from tests.stack import local_stack

    with local_stack(Path(".pytest_cache/d/runfold-jars").absolute()) as stack:
        stack.run("demo", "--width", "100", "--picture", str(path))


if __name__ == "__main__":
    FIGURES.mkdir(exist_ok=True)
    (FIGURES / "way_of_a_fact.svg").write_text(way_of_a_fact())
    demo(FIGURES / "demo.svg")
