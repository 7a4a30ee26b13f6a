"""Digests of the project's own code, so that an edit re-runs what depends on it and no more.

A digest is of the code's meaning, not of its place or name: moving or renaming a file, function, class or
constant leaves every digest as it is.
"""

from __future__ import annotations

import ast
import functools
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("kdnas", "synthetic_glue")
# these move bytes and word sentences: no result depends on them, so editing them re-runs nothing
NEUTRAL = (
    "kdnas.files.artifacts",
    "kdnas.files.code_digest",
    "kdnas.errors",
    "kdnas.search.episode_line",
    "kdnas.sentences",
    "kdnas.files.store",
    "kdnas.files.temporaries",
)
ROUNDS = 3  # how far around a definition is looked to tell it from another that reads alike

Name = tuple[str, str]  # of a definition: its module and its name there


def code_digest(*functions: Callable[..., Any] | type) -> str:
    """Return a digest of functions or classes and of every definition of this project that they use.

    Names, annotations, comments, docstrings, layout and the words of errors don't count, nor does anything in
    the modules of ``NEUTRAL``. A class that an annotation names does: its methods run on what is passed in.
    Python 3.11, 3.12 and 3.13 make the same digest.
    """
    names = [(item.__module__, item.__qualname__.partition(".")[0]) for item in functions]
    names = [(module, name) for module, name in names if _file(module)]  # a test may put its own in place
    return _digest(names, {module for module, _ in names}, _Piece())


def script_digest(path: str | Path) -> str:
    """Return the digest of a script, like :func:`code_digest`: of all its statements and what they use."""
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    body = [item for item in tree.body if not _is_idle(item)]
    source = _Source({}, body, *_imports(body))
    return _digest([], source.modules, _piece(body, "", source))


def _digest(names: list[Name], modules: Iterable[str], script: _Piece) -> str:
    """Label every definition that is reached, by its own text first, then by the labels of what it uses."""
    pieces = {("", ""): script}
    for module in _imported(modules):
        pieces[module, ""] = _effects(module)
    waiting = [*names, *(name for piece in pieces.values() for name in piece.reached)]
    while waiting:
        name = waiting.pop()
        if name not in pieces:
            pieces[name] = _definition(*name)
            waiting += pieces[name].reached
    labels = {name: _sha256(piece.texts) for name, piece in pieces.items()}
    for _ in range(ROUNDS):
        labels = {
            name: _sha256([labels[name], *(labels[used] for used in piece.uses)])
            for name, piece in pieces.items()
        }
    return _sha256(sorted(set(labels.values())))[:16]


def _sha256(texts: list[str]) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


@dataclass
class _Piece:
    """Statements as text, and the names of this project that they use, in the order of their use.

    ``annotated`` are those in annotations: what they define counts, where it is named does not.
    """

    texts: list[str] = field(default_factory=list)
    uses: list[Name] = field(default_factory=list)
    annotated: list[Name] = field(default_factory=list)

    @property
    def reached(self) -> list[Name]:
        """All of these names."""
        return self.uses + self.annotated


@dataclass
class _Source:
    """A module taken apart: the statements that bind each name, its other statements, and its imports."""

    bound: dict[str, list[ast.stmt]]
    others: list[ast.stmt]
    imports: dict[str, tuple[str, str | None]]
    modules: set[str]


def _imported(modules: Iterable[str]) -> list[str]:
    """Return ``modules`` and those that they import, however deep, the neutral ones left out."""
    waiting, found = list(modules), set()
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting += _source(module).modules
    return sorted(found)


@functools.cache
def _definition(module: str, name: str) -> _Piece:
    source = _source(module)
    return _piece(source.bound[name], module, source, name)


@functools.cache
def _effects(module: str) -> _Piece:
    source = _source(module)
    return _piece(source.others, module, source)


@functools.cache
def _source(module: str) -> _Source:
    path = _file(module)
    if path is None:
        raise ModuleNotFoundError(f"no module {module}")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    body = [item for item in tree.body if not _is_idle(item)]
    bound: dict[str, list[ast.stmt]] = {}
    for item in body:
        for name in _binds(item):
            bound.setdefault(name, []).append(item)
    names, _ = _imports(tree.body)  # those for annotations alone too
    _, modules = _imports(body)
    return _Source(bound, [item for item in body if not _binds(item)], names, modules)


@functools.cache
def _file(module: str) -> Path | None:
    """Return the file of a module of this project that counts, None for any other."""
    if module.partition(".")[0] not in PACKAGES or module in NEUTRAL:
        return None
    base = ROOT.joinpath(*module.split("."))
    return next((file for file in (base / "__init__.py", base.with_suffix(".py")) if file.is_file()), None)


def _is_idle(item: ast.stmt) -> bool:
    """Return whether a statement of a module does nothing for a result: a docstring, or one for tools."""
    if isinstance(item, ast.If):
        return ast.unparse(item.test) in ("TYPE_CHECKING", "__name__ == '__main__'")
    return isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant)


def _binds(item: ast.stmt) -> list[str]:
    """Return the names that a statement of a module defines."""
    if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [item.name]
    return [
        node.id for node in ast.walk(item) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    ]


def _imports(body: list[ast.stmt]) -> tuple[dict[str, tuple[str, str | None]], set[str]]:
    """Return what names stand for by the imports in ``body``, and the modules of this project among them.

    A name stands for a module, or for what a module defines under the second name.
    """
    names: dict[str, tuple[str, str | None]] = {}
    modules: set[str] = set()
    for node in (node for item in body for node in ast.walk(item)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0],
                    None,
                )
                modules.add(alias.name)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                is_module = _file(inner) is not None or inner in NEUTRAL
                names[alias.asname or alias.name] = (inner, None) if is_module else (node.module, alias.name)
                modules |= {node.module, inner}
    parents = {".".join(module.split(".")[:depth]) for module in modules for depth in range(1, 9)}
    return names, {module for module in parents if _file(module)}


def _piece(items: list[ast.stmt], module: str, source: _Source, own: str | None = None) -> _Piece:
    inner, _ = _imports(items)  # those within functions too
    reader = _Reader(module, source, source.imports | inner, own)
    texts = [text for item in items if (text := reader.text(item))]
    return _Piece(texts, reader.uses, reader.annotated)


class _Reader:
    """Writes syntax trees as text that is the same wherever the code stands, and notes the names they use."""

    def __init__(
        self, module: str, source: _Source, imports: dict[str, tuple[str, str | None]], own: str | None
    ) -> None:
        self.module = module
        self.source = source
        self.imports = imports
        self.own = own
        self.uses: list[Name] = []
        self.annotated: list[Name] = []

    def text(self, node: Any) -> str:
        """Return a tree as text, without empty fields: versions of Python differ in these."""
        if isinstance(node, list):
            return f"[{','.join(filter(None, map(self.text, node)))}]"
        if not isinstance(node, ast.AST):
            return ascii(node)  # repr() escapes what this version's Unicode does not know
        if isinstance(node, (ast.Import, ast.ImportFrom)) or _is_docstring(node):
            return ""
        if isinstance(node, ast.Name) and node.id == self.own:
            return "Own()"
        if isinstance(node, (ast.Name, ast.Attribute)) and (found := self._resolved(node)):
            return found
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and self._use_named(node.value):
            return "Used()"
        if isinstance(node, ast.JoinedStr):  # the parts of an f-string
            parts = [part for part in node.values if getattr(part, "value", None) != ""]
            return f"JoinedStr({self.text(parts)})"
        fields = [(name, self.text(value)) for name, value in self._fields(node)]
        return f"{type(node).__name__}({','.join(f'{name}={text}' for name, text in fields)})"

    def _fields(self, node: ast.AST) -> Iterator[tuple[str, Any]]:
        is_own = self.own and getattr(node, "name", None) == self.own
        for name, value in ast.iter_fields(node):
            if value is None or value == [] or name in ("ctx", "type_comment", "type_params"):
                continue
            if name == "returns" or (name == "annotation" and not _MEANT.intersection(_names(value))):
                self._note_annotation(value)
                continue
            if name == "name" and is_own:
                continue
            if isinstance(node, ast.Raise) and name == "exc" and isinstance(value, ast.Call):
                value = value.func
            yield name, value

    def _note_annotation(self, annotation: ast.expr) -> None:
        before = len(self.uses)
        for node in ast.walk(annotation):
            if isinstance(node, (ast.Name, ast.Attribute)):
                self._resolved(node)
        self.annotated += self.uses[before:]
        del self.uses[before:]

    def _resolved(self, node: ast.Name | ast.Attribute) -> str | None:
        """Return the text of a name that is another definition's, or an import's; None for any other."""
        chain = _chain(node)
        if chain is None:
            return None
        first, *rest = chain
        if first not in self.imports:
            if first not in self.source.bound:
                return None
            self.uses.append((self.module, first))
            return f"Attribute(Used(),{rest})" if rest else "Used()"
        module, name = self.imports[first]
        while name is None and rest and (_file(f"{module}.{rest[0]}") or f"{module}.{rest[0]}" in NEUTRAL):
            module = f"{module}.{rest.pop(0)}"
        if name is None and rest and _file(module):
            name = rest.pop(0)
        if not self._use(module, name):
            dotted = ".".join([module, *([name] if name else []), *rest])
            return f"Name({dotted.rpartition('.')[2] if module in NEUTRAL else dotted})"
        return f"Attribute(Used(),{rest})" if rest else "Used()"

    def _use_named(self, text: str) -> bool:
        """Note the class that a registry entry names, as in ``kdnas.search.strategies.lstm:LSTMStrategy``."""
        module, colon, name = text.partition(":")
        return bool(colon) and name.isidentifier() and _file(module) is not None and self._use(module, name)

    def _use(self, module: str, name: str | None) -> bool:
        """Note the use of a definition or a whole module; return whether it is one that counts."""
        while _file(module) and name is not None:
            source = _source(module)
            if name in source.bound:
                self.uses.append((module, name))
                return True
            if name not in source.imports:
                return True  # such as __file__, or what a package makes when asked
            module, name = source.imports[name]
        if name is None and _file(module):
            self.uses += [(module, own) for own in _source(module).bound]
        return _file(module) is not None


def _chain(node: ast.expr) -> list[str] | None:
    """Return the names of ``a.b.c``; None for an expression that does not begin with a name."""
    rest: list[str] = []
    while isinstance(node, ast.Attribute):
        rest.insert(0, node.attr)
        node = node.value
    return [node.id, *rest] if isinstance(node, ast.Name) else None


def _names(node: ast.AST) -> set[str]:
    return {item.id for item in ast.walk(node) if isinstance(item, ast.Name)}


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


_MEANT = {"ClassVar", "InitVar", "KW_ONLY"}  # annotations that make another dataclass
