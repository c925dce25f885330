"""What a config asks for is what is made."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
import pytest

from alpha_factory.runs import build
from alpha_factory.runs.build import make_model, make_policy, make_ppo_recipe, make_practice
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


APART = {  # no two of them alike
    "worlds": 5,
    "steps": 16,
    "updates": 3,
    "batch": 20,
    "unroll": 4,
    "horizon": 6,
    "discount": 0.9,
    "learning_rate": 0.01,
    "decay_updates": 70,
    "final_share": 0.2,
    "weight_decay": 0.03,
    "clip": 2.5,
    "reward_weight": 0.5,
    "target_period": 9,
    "replay_slots": 48,
    "alpha": 0.7,
    "beta": 0.35,
    "balance": True,
    "reanalyse": 0.25,
    "centralise": True,
    "remake": True,
    "ewc_weight": 1.5,
}
NAMED_OTHERWISE = {
    "balance": "is_balanced",
    "remake": "is_remade",
    "centralise": "is_centralised",
}
OPTIMISER = ("learning_rate", "decay_updates", "final_share", "weight_decay", "clip", "centralise")
IN_PRACTICE = {
    "worlds": "lanes",
    "steps": "steps",
    "updates": "updates",
    "replay_slots": "replay_slots",
}


@pytest.fixture
def asked(monkeypatch):
    """What optimisers and planners are made of."""
    asked = []

    def note(made):
        def make(*kind, **numbers):
            asked.append((*kind, numbers))
            return made

        return make

    monkeypatch.setattr(build, "make_optimiser", note(optax.identity()))
    monkeypatch.setattr(build, "make_planner", note(lambda *args, **kwargs: None))
    return asked


def test_each_number_of_an_update_is_the_setting_of_its_name(asked):
    changes = [f"learning.{name}={str(value).lower()}" for name, value in APART.items()]
    practice = make_practice(change(TINY, changes))
    (optimiser,) = next(made for made in asked if len(made) == 1)
    assert optimiser == {NAMED_OTHERWISE.get(name, name): APART[name] for name in OPTIMISER}
    recipe = practice.recipe
    assert recipe.reanalysed == 5  # a quarter of 20
    for name, value in APART.items():
        if name in IN_PRACTICE:
            assert getattr(practice, IN_PRACTICE[name]) == value, name
        elif name != "reanalyse" and (name not in OPTIMISER or name == "weight_decay"):
            assert getattr(recipe, NAMED_OTHERWISE.get(name, name)) == value, name
    assert practice.slots == TINY.curriculum.slots


def test_values_are_refreshed_where_asked_and_not_elsewhere():
    assert make_practice(TINY).recipe.refresher is None
    refresher = make_practice(change(TINY, ["learning.refresh=true"])).recipe.refresher
    model = make_model(TINY, FLAT, 3)
    obs = jax.random.normal(jax.random.key(1), (5, *FLAT))
    said = jax.vmap(lambda one: model.prediction(model.representation(one))[1])(obs)
    value = refresher(model, obs, key=jax.random.key(2)).value  # of the model itself, no search's
    assert jnp.allclose(value, said, rtol=1e-5)


def test_search_is_the_one_that_is_asked_for(asked):
    numbers = {
        "simulations": 7,
        "depth": 3,
        "value_range": (-2.0, 5.0),
        "c_scale": 0.6,
        "logit_noise": 0.25,
    }
    written = numbers | {"value_range": "[-2.0,5.0]", "kind": "puct"}
    changes = [f"search.{name}={value}" for name, value in written.items()]
    make_policy(change(TINY, [*changes, "learning.discount=0.9"]))
    assert asked == [("puct", numbers | {"discount": 0.9})]
