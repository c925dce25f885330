"""How every test runs: ranks and dtypes strict, compiled programs kept between runs, Hypothesis without a clock."""

import gc
import os
from importlib.metadata import version
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from alpha_factory.cli import cache

# Compilation makes the first example slow, which says nothing about the code under test. CI repeats itself exactly.
settings.register_profile(
    "alpha_factory",
    deadline=None,
    derandomize="CI" in os.environ,
    max_examples=30,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("alpha_factory")

# JAX reads these when it is imported; subprocesses inherit them.
cache.share_compilations(os.environ)
os.environ["JAX_NUMPY_RANK_PROMOTION"] = "raise"
os.environ["JAX_PLATFORMS"] = os.environ.get("JAX_PLATFORMS", "cpu")

# Most of the suite is compilation: these take half of it away, and what small programs then run longer is less. A
# release that doesn't know a flag ends the process, so others compile with their own defaults.
if version("jaxlib").startswith("0.10.") and "XLA_FLAGS" not in os.environ:
    os.environ["XLA_FLAGS"] = (
        "--xla_cpu_use_fusion_emitters=false --xla_backend_optimization_level=1"
    )

_SETTINGS = {
    "jax_numpy_rank_promotion": str,
    "jax_compilation_cache_dir": str,
    "jax_persistent_cache_min_compile_time_secs": float,
    "jax_persistent_cache_min_entry_size_bytes": int,
}


_LONG = ("service/browser", "runs/test_resume", "runs/machine", "executor/test_ray", "test_start")


def pytest_collection_modifyitems(items):
    """What takes longest comes first and stays with one worker: the others take over from the end of its list."""
    items.sort(key=lambda item: not any(path in item.path.as_posix() for path in _LONG))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """Promote dtypes strictly around a test and its fixtures, unless it is marked `implicit_promotion`.

    The whole process is switched, not this thread alone: code under test may start threads.
    """
    import jax

    _Room.tests += 1
    if _Room.tests % _TESTS_BETWEEN == 0:
        _Room.make(_MOST_MAPS)
    # Without workers, a plugin may have imported JAX before the variables above were set.
    for name, read in _SETTINGS.items():
        if name.upper() in os.environ:
            jax.config.update(name, read(os.environ[name.upper()]))
    before = jax.config.jax_numpy_dtype_promotion
    is_implicit = item.get_closest_marker("implicit_promotion") is not None
    jax.config.update("jax_numpy_dtype_promotion", "standard" if is_implicit else "strict")
    try:
        return (yield)
    finally:
        jax.config.update("jax_numpy_dtype_promotion", before)


@pytest.fixture(scope="module")
def quick_compilation():
    """Compile the programs of a module with few optimizations: for those that take longer to compile than to run."""
    import jax

    jax.config.update("jax_disable_most_optimizations", True)
    os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"  # for subprocesses
    yield
    del os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"]
    jax.config.update("jax_disable_most_optimizations", False)


# Linux lets a process map 65,530 pieces of memory, and each compiled program takes some: beyond it LLVM aborts.
_MANY_MAPS, _MOST_MAPS = 30_000, 45_000
_FEW_MAPS = 5_000  # more than what fixtures hold on to, before it is worth while to make room again
_TESTS_BETWEEN = 8  # two looks: with many maps, to count them takes longer than most tests


class _Room:
    """How many pieces of memory are mapped, and what is done before they are too many."""

    tests = 0
    left = 0  # after room was made last

    @classmethod
    def make(cls, most):
        """Forget compiled programs before a worker that has run many tests has no room for more."""
        if cls.count() > max(most, cls.left + _FEW_MAPS):
            import jax

            jax.clear_caches()
            gc.collect()
            cls.left = cls.count()

    @staticmethod
    def count():
        maps = Path("/proc/self/maps")
        return maps.read_bytes().count(b"\n") if maps.exists() else 0


@pytest.fixture(autouse=True, scope="module")
def _room_for_programs():
    """Forget compiled programs where another module, which has its own, begins."""
    yield
    _Room.make(_MANY_MAPS)
