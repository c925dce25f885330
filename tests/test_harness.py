"""The other tests mean something only if their own setting bites."""

import sys

import jax
import jax.numpy as jnp
import pytest
from jaxtyping import TypeCheckError

from alpha_factory.core.errors import unknown


def test_call_with_wrong_type_is_refused():
    with pytest.raises(TypeCheckError):
        unknown("suite", 3, ["a"])


def test_rank_promotion_is_refused():
    with pytest.raises(ValueError, match="rank_promotion"):
        jnp.zeros((2, 3)) + jnp.zeros(3)


def test_mixed_dtypes_are_refused():
    with pytest.raises(jax.dtypes.TypePromotionError):
        jnp.zeros(2) + jnp.zeros(2, jnp.int32)


@pytest.mark.implicit_promotion
def test_mixed_dtypes_are_promoted_when_marked():
    assert (jnp.zeros(2) + jnp.zeros(2, jnp.int32)).dtype == jnp.float32


def test_compiled_programs_are_kept():
    assert jax.config.jax_compilation_cache_dir


def test_package_is_the_one_beside_the_tests(pytestconfig):
    source = sys.modules["alpha_factory"].__file__
    assert source == str(pytestconfig.rootpath / "src" / "alpha_factory" / "__init__.py")
