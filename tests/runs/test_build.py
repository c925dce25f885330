"""What a config asks for is what is made."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest

from alpha_factory.runs.build import make_model, make_ppo_recipe
from alpha_factory.runs.settings.config import NetworkConfig
from alpha_factory.runs.settings.text import change
from reference.mirror import dpo
from runs.tiny import TINY

FLAT, PICTURE = (64,), (16, 16, 3)
ELSEWHERE = {  # settings and observations with which the others play a part
    "embed": ["network.encoder=transformer"],
    "layers": ["network.encoder=transformer"],
    "attention_heads": ["network.encoder=transformer"],
    "token": ["network.encoder=transformer"],
}
OTHER = {
    "encoder": "transformer",
    "widths": "[8,8]",
    "latent": "24",
    "head": "24",
    "embed": "64",
    "layers": "2",
    "attention_heads": "2",
    "token": "16",
    "channels": "4",
    "bins": "11",
    "value_scale": "5.0",
    "dtype": "bfloat16",
}


def outline(changes, obs):
    """Of what kind and shape everything in the network is."""
    config = change(TINY, changes)
    model = eqx.filter_eval_shape(lambda: make_model(config, obs, 3))
    arrays = [leaf for leaf in jax.tree.leaves(model) if hasattr(leaf, "shape")]
    return [(leaf.shape, leaf.dtype) for leaf in arrays], jax.tree.structure(model)


@pytest.mark.parametrize("name", [setting.name for setting in dataclasses.fields(NetworkConfig)])
def test_each_setting_of_the_network_changes_it(name):
    obs = PICTURE if name == "channels" else FLAT
    around = ELSEWHERE.get(name, [])
    before = outline(around, obs)
    assert outline([*around, f"network.{name}={OTHER[name]}"], obs) != before


@pytest.mark.parametrize(("log_ratio", "advantage"), [(1.5, 2.0), (-1.0, 2.0), (-1.5, -2.0)])
def test_drift_that_is_asked_for_is_the_one_that_holds_the_policy(log_ratio, advantage):
    """Far from the policy that acted, where DPO's is neither the clip's nor nothing, and where it is nothing."""
    recipe = make_ppo_recipe(change(TINY, ["ppo.drift=dpo"]), lanes=2, steps=4)
    assert recipe.drift is not None
    got = recipe.drift(jnp.float32(log_ratio), jnp.float32(advantage))
    assert float(got) == pytest.approx(dpo(log_ratio, advantage), rel=1e-4)


def test_clip_holds_the_policy_where_no_drift_is_asked_for():
    recipe = make_ppo_recipe(change(TINY, ["ppo.clip=0.3"]), lanes=2, steps=4)
    assert (recipe.drift, recipe.clip) == (None, 0.3)
