from pathlib import Path

import pytest

from alpha_factory.cli import cache


def test_users_choice_is_kept():
    environment = {
        "JAX_COMPILATION_CACHE_DIR": "mine",
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "9",
    }
    cache.share_compilations(environment)
    assert environment["JAX_COMPILATION_CACHE_DIR"] == "mine"
    assert environment["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] == "9"


@pytest.mark.parametrize(
    ("platform", "environment", "folder"),
    [
        ("linux", {}, "home/.cache/alpha-factory/jax"),
        ("linux", {"XDG_CACHE_HOME": "caches"}, "caches/alpha-factory/jax"),
        ("darwin", {}, "home/Library/Caches/alpha-factory/jax"),
        ("win32", {"LOCALAPPDATA": "local"}, "local/alpha-factory/cache/jax"),
    ],
)
def test_cache_lies_where_the_platform_keeps_caches(platform, environment, folder, monkeypatch):
    monkeypatch.setattr(cache.sys, "platform", platform)
    monkeypatch.setattr(cache.Path, "home", lambda: Path("home"))
    cache.share_compilations(environment)
    assert environment["JAX_COMPILATION_CACHE_DIR"] == str(Path(folder))
    assert cache.oracle_folder(environment) == Path(folder).with_name("oracle")


def test_nothing_is_set_without_a_home(monkeypatch):
    def home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(cache.Path, "home", home)
    environment = {}
    cache.share_compilations(environment)
    assert environment == {}
    assert cache.oracle_folder(environment) is None
