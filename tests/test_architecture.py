"""Imports point one way: flows -> tasks -> mirage_core. Nothing points back."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).parents[1]
FORBIDDEN = {
    "mirage_core": {"prefect", "tasks", "flows"},
    "mirage_core/puzzles": {"torch", "transformers"},
    "tasks": {"flows"},
}
SHARED_BY_FAMILIES = {"mirage_core.puzzles.verdict"}
CASES = [(layer, path) for layer in FORBIDDEN for path in sorted((REPO / layer).rglob("*.py"))]
FAMILIES = sorted((REPO / "mirage_core" / "puzzles").glob("*.py"))


def imports(path: Path) -> set[str]:
    """Full names of what a file imports; for `from a import b` both `a` and `a.b`, as either may be the module."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            names |= {str(node.module)} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize(("layer", "path"), CASES, ids=lambda value: value if isinstance(value, str) else value.stem)
def test_imports_point_inward(layer, path):
    back = {name.split(".")[0] for name in imports(path)} & FORBIDDEN[layer]
    assert not back, f"{path.relative_to(REPO)} imports {sorted(back)}"


@pytest.mark.parametrize("path", FAMILIES, ids=lambda path: path.stem)
def test_puzzle_families_do_not_know_one_another(path):
    own = path.stem.split("_")[0]  # vsp.py, vsp_board.py and so on are one family
    others = {f"mirage_core.puzzles.{other.stem}" for other in FAMILIES if other.stem.split("_")[0] != own}
    assert not imports(path) & (others - SHARED_BY_FAMILIES)


@pytest.mark.thorough
def test_flows_start_without_what_is_slow_to_load():
    """A run that finds everything done should not spend seconds on loading what it does not use."""
    code = "import sys, flows.end_to_end; print({'torch', 'transformers', 'sklearn', 'scipy'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
