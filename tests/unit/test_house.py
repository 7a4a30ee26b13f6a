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
CALLERS = [path for folder in ("kdnas", "scripts") for path in sorted((ROOT / folder).rglob("*.py"))]


def imports(tree: ast.Module) -> dict[str, str]:
    """Return what each name that a file imports stands for, as in ``kdnas.errors.UserError``."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return found


def takes_any_number(function: str) -> bool:
    """Return whether the function of a dotted name has ``*arguments``."""
    module, _, name = function.rpartition(".")
    body = ast.parse(MODULES[module].read_text(encoding="utf-8")).body if module in MODULES else []
    return any(
        isinstance(node, ast.FunctionDef) and node.name == name and node.args.vararg is not None
        for node in body
    )


def test_no_call_across_modules_has_many_positional_arguments():
    found = []
    for path in CALLERS:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = imports(tree)
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or len(node.args) <= MOST_POSITIONAL:
                continue
            first, *rest = ast.unparse(node.func).split(".")
            function = ".".join([names.get(first, ""), *rest])
            module = function.rpartition(".")[0]
            defined = module in MODULES or module.rpartition(".")[0] in MODULES  # by itself or in a class
            if defined and not takes_any_number(function):
                found.append(f"{path.relative_to(ROOT)}:{node.lineno} {function}")
    assert not found, "\n".join(found)


MOST_UNLISTED = 5


def test_public_functions_of_many_parameters_list_them():
    """Ruff's D417 then holds the list to the parameters."""
    found = []
    for path in (*CALLERS, *(ROOT / "synthetic_glue").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and (
                not node.name.startswith("_") or node.name == "__init__"
            ):
                named = {argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)}
                listed = "\nArgs:\n" in (ast.get_docstring(node) or "")
                if len(named - {"self", "cls"}) > MOST_UNLISTED and not listed:
                    found.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")
    assert not found, "\n".join(found)


def test_importing_the_checks_of_a_configuration_needs_neither_torch_nor_the_synthetic_tasks():
    code = (
        "import sys, kdnas.config.check, kdnas.teachers.config_check\n"
        "sys.exit('torch' in sys.modules or 'synthetic_glue' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
