"""The page that ships is the one that `web/` makes: hashes of the sources, and, where Node is, a build."""

import gzip
import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WEB = ROOT / "web"
STATIC = ROOT / "src" / "alpha_factory" / "service" / "page" / "static"
SOURCES = (
    *("index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts"),
    *("scripts/stamp.mjs", "src"),
)
LARGEST_BYTES = 300_000
"""Compressed in all, as the page promises."""


def _hash(root: Path, names: tuple[str, ...]) -> dict[str, str]:
    found = (path for name in names for path in [root / name, *(root / name).rglob("*")])
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in found
        if path.is_file()
    }


@pytest.fixture(scope="module")
def build() -> dict[str, dict[str, str]]:
    return json.loads((STATIC / "build.json").read_text())


def test_page_is_built_from_the_sources(build: dict[str, dict[str, str]]):
    assert build["sources"] == _hash(WEB, SOURCES), "Run `make page` and commit what it built."


def test_page_holds_what_was_built_and_its_compressed_copies(build: dict[str, dict[str, str]]):
    there = _hash(STATIC, (".",))
    plain = {name: digest for name, digest in there.items() if not name.endswith((".gz", ".br"))}
    assert plain.pop("build.json")
    assert plain == build["files"]
    for name in there:
        if name.endswith(".gz"):
            assert gzip.decompress((STATIC / name).read_bytes()) == (
                (STATIC / name.removesuffix(".gz")).read_bytes()
            )
    assert sum(path.stat().st_size for path in STATIC.rglob("*.gz")) <= LARGEST_BYTES


def test_page_has_nothing_inline_and_loads_nothing_from_elsewhere():
    text = (STATIC / "index.html").read_text()
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", text)
    loaded = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert loaded
    assert all(address.startswith("/assets/") for address in loaded)
    for style in STATIC.rglob("*.css"):
        assert not re.search(r"@import|url\((?!data:)", style.read_text())


@pytest.mark.skipif(
    not (WEB / "node_modules").is_dir() or shutil.which("node") is None,
    reason="Node and `npm ci` are for those who change the page.",
)
def test_page_is_the_same_bytes_when_built_again(build: dict[str, dict[str, str]], tmp_path: Path):
    vite = WEB / "node_modules" / "vite" / "bin" / "vite.js"
    command = ["node", str(vite), "build", "--outDir", str(tmp_path), "--emptyOutDir"]
    subprocess.run(command, cwd=WEB, check=True, capture_output=True, timeout=120)
    assert _hash(tmp_path, (".",)) == build["files"]
