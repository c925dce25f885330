"""Where the arrays of a run lie on many devices: its lanes spread, everything else on each.

A *lane* is a world in play and its rows in the ring. Lanes are spread over the one axis of a mesh
of all devices; a drawn batch is spread in the same way, so that every device makes its share of
the gradient, and the compiler adds the shares up. What a program that spans the mesh returns and
every device has is taken back to the first: the rest of a run doesn't know how many there are.

A mesh of None is one device, on which every function here leaves everything as it is.
"""

from typing import Any, TypeVar

import equinox as eqx
import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, PRNGKeyArray

from alpha_factory.core.errors import UsageError
from alpha_factory.core.types import Params, Plan, Policy
from alpha_factory.learn import Practice, Student
from alpha_factory.replay import Sample, Window

Tree = TypeVar("Tree")

AXIS = "data"
"""The axis of the mesh."""

LANES = (
    "obs",
    "action",
    "reward",
    "is_terminated",
    "is_last",
    "policy",
    "value",
    "world",
    "priority",
)
"""The fields of a `Ring` whose first axis is `lanes`."""


def make_mesh(devices: int | None) -> Mesh | None:
    """The first so many devices of all processes, or all of them if None; None for a single one.

    Raises:
        UsageError: there are not so many, or some of another process would be left out.
    """
    found = jax.devices()
    chosen = len(found) if devices is None else devices
    if not 1 <= chosen <= len(found):
        raise UsageError(
            f"--devices {chosen}: JAX sees {len(found)} ({found[0].device_kind}). "
            f"Give 1 to {len(found)}; on a CPU, "
            "XLA_FLAGS=--xla_force_host_platform_device_count=N makes N of it."
        )
    if chosen < len(found) and jax.process_count() > 1:
        raise UsageError(
            f"--devices {chosen}: a run of {jax.process_count()} processes uses all of their "
            f"{len(found)} devices. Leave --devices out."
        )
    return Mesh(np.array(found[:chosen]), (AXIS,)) if chosen > 1 else None


def check_split(devices: int, practice: Practice) -> None:
    """Raise unless the lanes and the batch divide evenly over the devices.

    Raises:
        UsageError: a setting doesn't; the message names the numbers and the nearest that do.
    """
    counts = {
        "learning.worlds": practice.lanes,
        "learning.batch": practice.recipe.batch,
        "learning.reanalyse of learning.batch": practice.recipe.reanalysed,
    }
    for name, value in counts.items():
        if over := value % devices:
            near = [str(fit) for fit in (value - over, value - over + devices) if fit]
            raise UsageError(
                f"{name} is {value}, which does not divide over {devices} devices ({over} left "
                f"over). Make it {' or '.join(near)}, or use fewer devices by --devices."
            )


def spread_practice(mesh: Mesh | None, practice: Practice) -> Practice:
    """The practice whose lanes and batches are spread over the mesh."""
    if mesh is None:
        return practice
    recipe = practice.recipe
    return practice._replace(
        planner=_spread_planner(mesh, practice.planner),
        recipe=recipe._replace(
            planner=recipe.planner and _spread_planner(mesh, recipe.planner),
            refresher=recipe.refresher and _spread_planner(mesh, recipe.refresher),
            arrange=lambda drawn: split_batch(mesh, drawn),
        ),
        arrange=lambda student: hold(mesh, student),
    )


def lay_out(mesh: Mesh, tree: Any) -> Any:
    """The sharding of every array in the tree, None for what is no array.

    The actors of a `Student` and the `LANES` of its ring are spread on their first axis.
    """
    everywhere, by_lane = NamedSharding(mesh, PartitionSpec()), _split(mesh, 0)

    def lay(node: Any) -> Any:
        layout = jax.tree.map(lambda leaf: everywhere, eqx.filter(node, eqx.is_array))
        if not isinstance(node, Student):
            return layout
        ring, actors = layout.ring, jax.tree.map(lambda leaf: by_lane, layout.actors)
        ring = eqx.tree_at(
            lambda one: [getattr(one, name) for name in LANES], ring, [by_lane] * len(LANES)
        )
        return Student(layout.learner, ring, actors)

    return jax.tree.map(lay, tree, is_leaf=lambda node: isinstance(node, Student))


def hold(mesh: Mesh | None, tree: Tree) -> Tree:
    """Inside `jit`: the tree, laid out as `lay_out` says."""
    if mesh is None:
        return tree
    arrays, static = eqx.partition(tree, eqx.is_array)
    return eqx.combine(jax.lax.with_sharding_constraint(arrays, lay_out(mesh, tree)), static)


def split_batch(mesh: Mesh, drawn: Sample) -> Sample:
    """Inside `jit`: a drawn batch with an equal share of its sequences on every device."""

    def part(tree: Tree, axis: int) -> Tree:
        return jax.lax.with_sharding_constraint(tree, _split(mesh, axis))

    fields = drawn.window._asdict()
    window = {name: part(leaf, 0 if name == "obs" else 1) for name, leaf in fields.items()}
    return Sample(
        window=Window(**window),
        place=part(drawn.place, 0),
        world=part(drawn.world, 0),
        weight=part(drawn.weight, 0),
    )


def place(mesh: Mesh | None, tree: Tree) -> Tree:
    """Arguments for a program that spans the mesh: what is not on it yet is put on every device."""
    if mesh is None:
        return tree
    everywhere = NamedSharding(mesh, PartitionSpec())

    def put(leaf: Any) -> Any:
        if not eqx.is_array(leaf) or len(leaf.sharding.device_set) > 1:
            return leaf
        return _assemble(leaf, everywhere)

    return jax.tree.map(put, tree)


def take(mesh: Mesh | None, tree: Tree) -> Tree:
    """What such a program returned, with all that every device has on this process's first."""
    if mesh is None:
        return tree

    def fetch(leaf: Any) -> Any:
        is_everywhere = eqx.is_array(leaf) and leaf.sharding.is_fully_replicated
        return leaf.addressable_data(0) if is_everywhere else leaf

    return jax.tree.map(fetch, tree)


def spread(mesh: Mesh | None, tree: Tree) -> Tree:
    """A tree that lies on one device, such as one from a checkpoint, with its lanes spread."""
    if mesh is None:
        return tree

    def put(leaf: Any, sharding: NamedSharding | None) -> Any:
        if sharding is None or sharding.is_fully_replicated:
            return leaf
        return _assemble(leaf, sharding)

    arrays, static = eqx.partition(tree, eqx.is_array)
    return eqx.combine(jax.tree.map(put, arrays, lay_out(mesh, tree)), static)


def _split(mesh: Mesh, axis: int) -> NamedSharding:
    return NamedSharding(mesh, PartitionSpec(*(None,) * axis, AXIS))


def _spread_planner(mesh: Mesh, planner: Policy) -> Policy:
    """The policy with its observations, and by them its whole search, spread over the mesh."""

    def plan(params: Params, obs: Array, *, key: PRNGKeyArray) -> Plan:
        return planner(params, jax.lax.with_sharding_constraint(obs, _split(mesh, 0)), key=key)

    return plan


def _assemble(leaf: Array, sharding: NamedSharding) -> Array:
    """An array of this process on the mesh, each device given its part; nothing is sent."""
    parts = sharding.addressable_devices_indices_map(leaf.shape)
    return jax.make_array_from_single_device_arrays(
        leaf.shape, sharding, [jax.device_put(leaf[at], device) for device, at in parts.items()]
    )
