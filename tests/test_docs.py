"""The pages say what is so: generated ones are current, links lead somewhere, commands parse."""

import re
import shlex
from pathlib import Path

import pytest

from alpha_factory.cli import commands, pages

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("examples/*.md")])
WITHOUT_PAGE = {"cli", "core", "records"}  # cli has generated pages; the others are vocabulary
STAGES = sorted(
    path.parent.name
    for path in (ROOT / "src" / "alpha_factory").glob("*/__init__.py")
    if path.parent.name not in WITHOUT_PAGE
)


def test_generated_pages_are_current(tmp_path):
    for page in pages.write_pages(tmp_path):
        stored = ROOT / "docs" / page.name
        assert stored.is_file(), f"run `make docs` to write docs/{page.name}"
        assert page.read_text(encoding="utf-8") == stored.read_text(encoding="utf-8"), (
            f"docs/{page.name} is not what the source says: run `make docs`"
        )


def test_cli_page_does_not_depend_on_the_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "50")
    narrow = pages.render_cli()
    monkeypatch.setenv("COLUMNS", "200")
    assert pages.render_cli() == narrow


@pytest.mark.parametrize("stage", STAGES)
def test_stage_has_a_page(stage):
    assert (ROOT / "docs" / f"{stage}.md").is_file(), f"docs/{stage}.md is missing"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_relative_links_resolve(page):
    text = _without_code(page.read_text(encoding="utf-8"))
    targets = re.findall(r"\[[^\]]*\]\(([^)\s]+)[^)]*\)|<img[^>]+src=\"([^\"]+)\"", text)
    for target in filter(None, (either for pair in targets for either in pair)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), f"{page.name} links to {target}, which is not there"
        if anchor and linked.suffix == ".md":
            assert anchor in _anchors(linked), f"{page.name} links to {target}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_parse(page):
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    for words in _commands(page.read_text(encoding="utf-8")):
        if words[0] == "make":
            named = [word for word in words[1:] if "=" not in word and not word.startswith("-")]
            assert set(named) <= set(targets), f"{page.name}: make has no {named}"
        elif "--help" not in words:
            commands.parse(words[1:])


def _commands(text: str) -> list[list[str]]:
    """Words of each `alpha-factory` or `make` command in a page's code blocks."""
    found = []
    for language, block in re.findall(r"^```(\w*)\n(.*?)^```", text, re.M | re.S):
        if language not in ("", "bash", "console", "sh", "shell"):
            continue
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line.strip().removeprefix("$ "), comments=True)
            # A pipe, a redirection or a second command ends the first.
            end = next((i for i, word in enumerate(words) if word[0:1] in "|>;&"), len(words))
            words = words[:end]
            if words and words[0].removeprefix(".venv/bin/") in ("alpha-factory", "make"):
                found.append(words)
    return found


def _without_code(text: str) -> str:
    return re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.S)


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
