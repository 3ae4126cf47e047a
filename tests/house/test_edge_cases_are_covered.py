"""Each of the 40 edge cases of run_api section 11 has a test whose docstring begins with its number."""

from __future__ import annotations

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
CASES = 40
NUMBERS = re.compile(r"(?:^|; )(\d+(?:, \d+)*): ")


def test_every_number_occurs() -> None:
    named: set[int] = set()
    for path in TESTS.rglob("test_edge_cases*.py"):
        for test in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(test, ast.FunctionDef) and test.name.startswith("test_"):
                for numbers in NUMBERS.findall(ast.get_docstring(test) or ""):
                    named |= {int(number) for number in numbers.split(", ")}
    assert named == set(range(1, CASES + 1))
