"""Which top-level names of a source tree can be reached from its entry points: sources in, dead names out.

Each module is parsed, never imported. A function, class or constant is *live* if a live one, or a root, mentions it.
Mentions are followed through imports (also inside functions and in a package's `__init__`) and through module
attributes, as in `targets.discounted_return`. Being imported or listed in `__all__` is no mention, and neither is a
function's mention of itself, so two dead functions that call each other stay dead.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple


class Name(NamedTuple):
    """A top-level name of a module."""

    module: str
    name: str


class Module(NamedTuple):
    """A module, parsed."""

    name: str
    is_package: bool
    tree: ast.Module


def find_dead(
    sources: Mapping[str, str], roots: Iterable[Name], scripts: Iterable[str]
) -> list[str]:
    """Top-level names of `sources` that nothing live mentions.

    Args:
        sources: source text by path relative to the import root, such as `package/module.py`.
        roots: names that are entered from outside, such as a console script's function.
        scripts: source texts from outside the tree (examples, benchmarks) that use it; all they mention is live.

    Returns:
        `module.name` of each dead function, class or constant, sorted.
    """
    modules = {module.name: module for module in map(_parse, sources, sources.values())}
    imports = {name: dict(_imports(module)) for name, module in modules.items()}
    mentions: dict[Name, set[Name]] = {}
    waiting = [_follow(root, imports) for root in roots]
    for name, module in modules.items():
        for defined, node in _definitions(module.tree):
            found = set(_mentions(node, name, imports))
            mentions.setdefault(Name(name, defined), set()).update(found)
        for statement in module.tree.body:
            if _is_main_guard(statement):
                waiting += _mentions(statement, name, imports)
            if owner := _find_owner(statement):
                found = set(_mentions(statement, name, imports))
                mentions.setdefault(Name(name, owner), set()).update(found)
    for text in scripts:
        script = Module("", False, ast.parse(text))
        outside = imports | {"": dict(_imports(script))}
        waiting += _mentions(script.tree, "", outside)
    live: set[Name] = set()
    while waiting:
        name = waiting.pop()
        if name not in live:
            live.add(name)
            waiting += mentions.get(name, ())
    return sorted(f"{module}.{name}" for module, name in mentions.keys() - live)


def find_unread_methods(sources: Mapping[str, str], scripts: Iterable[str]) -> list[str]:
    """`module.Class.method` of each public method or property whose name is no attribute that anything reads."""
    trees = {path: ast.parse(text) for path, text in sources.items()}
    read = {
        node.attr
        for tree in (*trees.values(), *map(ast.parse, scripts))
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
    }
    return sorted(
        f"{_module_name(path)}.{node.name}.{method.name}"
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for method in node.body
        if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef)
        and not method.name.startswith("_")
        and method.name not in read
    )


def _parse(path: str, text: str) -> Module:
    return Module(_module_name(path), Path(path).name == "__init__.py", ast.parse(text))


def _module_name(path: str) -> str:
    parts = Path(path).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(module: Module) -> Iterator[tuple[str, Name]]:
    """Local names that stand for other modules' names; a module itself is the name "" in it."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname:
                    yield alias.asname, Name(alias.name, "")
                else:
                    top = alias.name.split(".")[0]
                    yield top, Name(top, "")
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = module.name.split(".")
                above = above[: len(above) - node.level + module.is_package]
                base = ".".join([*above, *filter(None, [node.module])])
            for alias in node.names:
                yield alias.asname or alias.name, Name(base, alias.name)


def _definitions(tree: ast.Module) -> Iterator[tuple[str, ast.stmt]]:
    for node in tree.body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name, node
            case ast.Assign() | ast.AnnAssign():
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for part in (part for target in targets for part in ast.walk(target)):
                    if isinstance(part, ast.Name) and part.id != "__all__":
                        yield part.id, node


def _mentions(
    node: ast.AST, module: str, imports: Mapping[str, Mapping[str, Name]]
) -> Iterator[Name]:
    """Names that `node`, a part of `module`, reads."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load):
            yield _follow(Name(module, part.id), imports)
        elif isinstance(part, ast.Attribute):
            dotted = ast.unparse(part).split(".")
            if all(word.isidentifier() for word in dotted):
                yield _follow_dotted(dotted, module, imports)


def _follow_dotted(
    dotted: list[str], module: str, imports: Mapping[str, Mapping[str, Name]]
) -> Name:
    """The name that `a.b.c` stands for, as long as `a.b` is a module."""
    name = _follow(Name(module, dotted[0]), imports)
    for word in dotted[1:]:
        inside = name.module if not name.name else f"{name.module}.{name.name}"
        if inside not in imports:
            return name
        name = _follow(Name(inside, word), imports)
    return name


def _follow(name: Name, imports: Mapping[str, Mapping[str, Name]]) -> Name:
    """Where a name comes from, through any number of imports."""
    seen = set()
    while name not in seen and (origin := imports.get(name.module, {}).get(name.name)):
        seen.add(name)
        name = origin
    return name


def _find_owner(node: ast.AST) -> str | None:
    """The name `f` of a statement `f.method(…)`, which gives what it mentions to `f`, as in `f.defvjp(…)`."""
    match node:
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name)))):
            return name
    return None


def _is_main_guard(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)
