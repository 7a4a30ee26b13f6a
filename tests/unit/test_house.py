"""The house rules of the library that no linter knows."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in ("kdnas", "synthetic_glue")
    for path in (ROOT / package).rglob("*.py")
}


def imported(module: str, path: Path) -> set[str]:
    """Return the modules that one imports when it is imported: not those in functions or for types."""
    found: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.ImportFrom) and node.module:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {name if name in MODULES else node.module for name in inner}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            waiting += ast.iter_child_nodes(node)
    return (found & MODULES.keys()) - {module}


def test_no_module_imports_itself_by_way_of_others():
    graph = {module: imported(module, path) for module, path in MODULES.items()}
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(" imports ".join(error.args[1][::-1]))


def test_the_house_stays_small():
    assert len(list((ROOT / "kdnas").glob("*.py"))) <= 6
    assert len(list((ROOT / "kdnas" / "training").rglob("*.py"))) <= 15


# a positional argument says nothing of what it is: a reader of the call has to look the function up
MOST_POSITIONAL = 3


def functions_by_name() -> dict[str, set[str]]:
    """Return the modules that define a function or class of each name."""
    found: dict[str, set[str]] = {}
    for module, path in MODULES.items():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                found.setdefault(node.name, set()).add(module)
    return found


@pytest.mark.skip(reason="on the way")
def test_no_call_across_modules_has_many_positional_arguments():
    defined = functions_by_name()
    found = []
    for module, path in {**MODULES, **{path.stem: path for path in (ROOT / "scripts").glob("*.py")}}.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            elsewhere = defined.get(node.func.id, set()) - {module}
            own = module in defined.get(node.func.id, set())
            starred = any(isinstance(argument, ast.Starred) for argument in node.args)
            if elsewhere and not own and len(node.args) > MOST_POSITIONAL and not starred:
                found.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.func.id}")
    assert not found, "\n".join(found)


def test_importing_the_checks_of_a_configuration_needs_no_torch():
    code = "import sys, kdnas.config.check, kdnas.teachers.config_check; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
