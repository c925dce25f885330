"""Nothing dead: each package says exactly what it offers, and all that is written is used.

A function, class or constant at the top of a module is used if it can be reached (see `reachability.py`) from
  - a console script or an entry point in pyproject.toml,
  - a module's `if __name__ == "__main__"`,
  - a file in `examples/` or `benchmarks/`, or
  - the documented interface: a name in a package's `__all__` that a page of `docs/`, or the README, names in code
    and a test exercises.
Being imported, exported or tested alone is no use. A public method is used if something in `src`, `examples/` or
`benchmarks/` reads an attribute of its name, or if it is documented and tested.
"""

import ast
import re
import tomllib
from pathlib import Path

import pytest

from reachability import Name, find_dead, find_unread_methods

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
SOURCES = {
    path.relative_to(SOURCE).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted(SOURCE.rglob("*.py"))
}
PACKAGES = [path for path in SOURCES if path.endswith("/__init__.py")]
IMPORT_NOTHING = ("alpha_factory/__init__.py", "alpha_factory/service/__init__.py")


@pytest.mark.parametrize("path", PACKAGES)
def test_package_exports_what_it_binds(path):
    tree = ast.parse(SOURCES[path])
    exported = _exported(tree)
    assert len(exported) == len(set(exported))
    assert set(exported) == _bound(tree, _package(path)), "ruff sees to the order of __all__"


@pytest.mark.parametrize("path", IMPORT_NOTHING)
def test_package_imports_nothing(path):
    nodes = ast.walk(ast.parse(SOURCES[path]))
    assert not [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]


def test_every_name_is_used():
    dead = find_dead(SOURCES, [*_entry_points(), *_documented_names()], _scripts())
    assert not dead, "nothing uses:\n" + "\n".join(dead)


def test_every_public_method_is_used():
    unread = find_unread_methods(SOURCES, _scripts())
    undocumented = [name for name in unread if not _is_documented(name.rpartition(".")[2])]
    assert not undocumented, "nothing calls:\n" + "\n".join(undocumented)


TREE = {
    "package/__init__.py": "from package.module import exported_only, used\n__all__ = ['exported_only', 'used']",
    "package/module.py": """
from package import other

def used(): return other.through_a_module() + LIMIT
def exported_only(): return helper_of_dead()
def helper_of_dead(): return 1
def calls_itself(): return calls_itself()
LIMIT = 1
UNREAD = 2
def _given_to_used(): return _given_too()
def _given_too(): return 1
used.define(_given_to_used)
def _given_to_dead(): return 1
calls_itself.define(_given_to_dead)
""",
    "package/other.py": """
def through_a_module(): return _private()
def _private(): return 0
def _forgotten(): return 0
""",
    "package/script.py": """
def from_outside():
    from package import used
    return used()
def by_hand(): return 1
if __name__ == "__main__":
    by_hand()
""",
}


def test_dead_names_are_found():
    assert find_dead(TREE, [Name("package.script", "from_outside")], []) == [
        "package.module.UNREAD",
        "package.module._given_to_dead",
        "package.module.calls_itself",
        "package.module.exported_only",
        "package.module.helper_of_dead",
        "package.other._forgotten",
    ]


def test_script_outside_the_tree_keeps_names_alive():
    script = "import package.module\nfrom package import exported_only as it\npackage.module.UNREAD\nit()"
    assert find_dead(TREE, [], [script]) == [
        "package.module.LIMIT",
        "package.module._given_to_dead",
        "package.module._given_to_used",
        "package.module._given_too",
        "package.module.calls_itself",
        "package.module.used",
        "package.other._forgotten",
        "package.other._private",
        "package.other.through_a_module",
        "package.script.from_outside",
    ]


def test_uncalled_methods_are_found():
    source = (
        "class A:\n def called(self): ...\n def uncalled(self): ...\n def _own(self): self.called()"
    )
    assert find_unread_methods({"package/module.py": source}, []) == ["package.module.A.uncalled"]


def _package(path: str) -> str:
    return path.removesuffix("/__init__.py").replace("/", ".")


def _bound(tree: ast.Module, package: str) -> set[str]:
    """Public names that a package's `__init__` defines or brings up from the package's own modules."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith(f"{package}."):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return {name for name in names if not name.startswith("_")}


def _exported(tree: ast.Module) -> list[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return ast.literal_eval(node.value)
    return []


def _entry_points() -> list[Name]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = [project["scripts"], *project["entry-points"].values()]
    return [Name(*value.split(":")) for group in groups for value in group.values()]


def _documented_names() -> list[Name]:
    return [
        Name(_package(path), name)
        for path in PACKAGES
        for name in _exported(ast.parse(SOURCES[path]))
        if _is_documented(name)
    ]


def _is_documented(name: str) -> bool:
    """Whether a page names it in code and a test exercises it."""
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    code = "\n".join(re.findall(r"```.*?```|`[^`\n]+`", text, flags=re.DOTALL))
    word = re.compile(rf"\b{re.escape(name)}\b")
    tests = (path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    return bool(word.search(code)) and any(word.search(test) for test in tests)


def _scripts() -> list[str]:
    folders = (ROOT / "examples", ROOT / "benchmarks")
    return [path.read_text(encoding="utf-8") for folder in folders for path in folder.glob("*.py")]
