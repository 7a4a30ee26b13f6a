"""Digests of the library's own code, so that an edit re-runs what depends on it and no more."""

from __future__ import annotations

import ast
import functools
import hashlib
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parents[1]
# they move bytes and word sentences: no result depends on them, so an edit of them re-runs nothing
NEUTRAL = (
    "files/artifacts.py",
    "files/code_digest.py",
    "errors.py",
    "search/progress.py",
    "sentences.py",
    "files/store.py",
    "files/temporaries.py",
)


def code_digest(path: str | Path) -> str:
    """Return a digest of a Python file and of every ``kdnas`` module that it imports, however deep.

    Modules of ``NEUTRAL``, what they import, comments, docstrings and layout don't count. Python 3.11,
    3.12 and 3.13 make the same digest.
    """
    modules = sorted({Path(path).resolve(), *_closure(Path(path).resolve())})
    text = "".join(f"{module.name}:{_normalised(module)}\n" for module in modules)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _closure(path: Path) -> set[Path]:
    found: set[Path] = set()
    waiting = [path]
    while waiting:
        for module in _imports(waiting.pop()):
            if module not in found:
                found.add(module)
                waiting.append(module)
    return found


@functools.cache
def _imports(path: Path) -> tuple[Path, ...]:
    names: set[str] = set()
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    files = {file for name in names for file in _files(name)}
    return tuple(sorted(files))


def _files(name: str) -> list[Path]:
    """Return the files that importing the dotted ``name`` runs: the module and the packages above it."""
    parts = name.split(".")
    if parts[0] != PACKAGE.name:
        return []
    files = []
    for depth in range(1, len(parts) + 1):
        base = PACKAGE.parent.joinpath(*parts[:depth])
        files += [file for file in (base / "__init__.py", base.with_suffix(".py")) if file.is_file()]
    neutral = {PACKAGE / name for name in NEUTRAL}
    return [file for file in files if file not in neutral]


@functools.cache
def _tree(path: Path) -> ast.Module:
    """Return a module's syntax tree without docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                del node.body[0]
    return tree


@functools.cache
def _normalised(path: Path) -> str:
    return _canonical(_tree(path))


def _canonical(node: Any) -> str:
    """Return a syntax tree as text, without what is empty: there versions of Python differ."""
    if isinstance(node, ast.JoinedStr):  # the parts of an f-string
        return f"JoinedStr({_canonical([part for part in node.values if part.value != ''])})"
    if isinstance(node, ast.AST):
        fields = [(name, value) for name, value in ast.iter_fields(node) if value is not None and value != []]
        return f"{type(node).__name__}({','.join(f'{name}={_canonical(value)}' for name, value in fields)})"
    if isinstance(node, list):
        return f"[{','.join(map(_canonical, node))}]"
    return ascii(node)  # repr() escapes what this version's Unicode does not know


_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
