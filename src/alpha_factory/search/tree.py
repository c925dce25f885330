"""A batch of search trees grown in lock step: root predictions in, trees with their counts out.

Batched by hand instead of by `vmap` over a loop for each tree: all descents take one level at a
time, what the way up needs is recorded on the way down, and what changes is written by two scatters
a level. What is read and written together is kept together: on a CPU the tree costs what its steps
cost, many and each of little work.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Float32, Int32

_ROOT = 0
_NEVER = 0  # the child that an action never taken leads to; the root is nobody's child


class Step(NamedTuple):
    """What a model says of one imagined step."""

    reward: Float[Array, " batch"]
    discount: Float[Array, " batch"]  # of all that follows; 0 where the step ended the episode
    logits: Float[Array, "batch actions"]  # of the policy where the step led
    value: Float[Array, " batch"]  # there too


class Edges(NamedTuple):
    """A node of each tree and its actions, as a rule sees them."""

    prior: Float32[Array, "batch actions"]  # in the form that the rule's `prepare` gave it
    visits: Float32[Array, "batch actions"]
    q: Float32[Array, "batch actions"]  # reward and discounted mean value; 0 if never visited
    value: Float32[Array, " batch"]  # mean of what was found from the node on
    raw_value: Float32[Array, " batch"]  # what the model said of it
    total: Float32[Array, " batch"]  # visits of the node, its own expansion included


class Rule(NamedTuple):
    """How actions are chosen on the way down."""

    prepare: Callable[[Array], Array]
    """`prepare(logits) -> prior`: what is kept of a policy. Done once, when a node is expanded."""
    at_root: Callable[[Edges, Array], Array]
    """`at_root(edges, simulation) -> action`."""
    inside: Callable[[Edges], Array]
    """`inside(edges) -> action`, below the root."""


class Numbers(NamedTuple):
    """Of a node, and of the step that led to it."""

    value: Float32[Array, "*nodes"]  # mean of what was found from the node on
    total: Float32[Array, "*nodes"]  # visits of the node, its own expansion included
    reward: Float32[Array, "*nodes"]
    discount: Float32[Array, "*nodes"]

    def pack(self) -> Float32[Array, "numbers *nodes"]:
        return jnp.stack(self)

    @property
    def q(self) -> Float32[Array, "*nodes"]:
        """Of the action that led to the node."""
        return self.reward + self.discount * self.value


class Tree(eqx.Module):
    """Nodes in the order of their expansion, the root first; the last one is a bin.

    Trees that have nothing to do at a level read and write the bin.
    """

    numbers: Float32[Array, "numbers nodes batch"]
    tried: Float32[Array, "2 nodes batch actions"]  # visits and Q-values of the actions
    prior: Float32[Array, "nodes batch actions"]
    child: Int32[Array, "nodes batch actions"]
    raw_value: Float32[Array, "nodes batch"]
    embedding: Any  # leaves with leading axes `nodes batch`

    @property
    def root(self) -> Edges:
        """The roots."""
        return self.at(_ROOT)[0]

    def at(self, *place: Any) -> tuple[Edges, Float32[Array, "numbers batch"]]:
        """Nodes as rules see them, and their numbers: all of one row, or by row and tree."""
        numbers = self.numbers[:, *place]
        visits, q = (kept[place] for kept in self.tried)
        here = Numbers(*numbers)
        raw_value = self.raw_value[place]
        return Edges(self.prior[place], visits, q, here.value, raw_value, here.total), numbers


Imagine = Callable[[Any, Array], tuple[Step, Any]]
"""`imagine(embedding, action) -> (Step, embedding)`, for a batch."""


def grow(
    rule: Rule,
    imagine: Imagine,
    logits: Float[Array, "batch actions"],
    value: Float[Array, " batch"],
    embedding: Any,
    *,
    simulations: int,
    depth: int | None = None,
) -> Tree:
    """Trees after `simulations` expansions each.

    Values are summed in float32 whatever the model computes in.

    Args:
        logits: of the policy at the roots.
        value: of the roots.
        embedding: of the roots; leaves with leading axis `batch`.
        depth: actions from the root to a leaf at most; None for no cap. A path that would go on
            from there ends in a node that is known, which is imagined and counted once more.
    """
    cap = simulations if depth is None else min(depth, simulations)
    tree = _plant(rule, logits, value, embedding, nodes=simulations + 2)

    def simulate(simulation: Array, carry: tuple[Tree, _Path]) -> tuple[Tree, _Path]:
        tree, path = carry
        path = _descend(rule, tree, path, simulation)
        leaf, tree = _expand(rule, imagine, tree, path, simulation)
        return _back_up(tree, path, leaf), path

    start = tree, _Path.blank(cap, batch=value.shape[0])
    return jax.lax.fori_loop(0, simulations, simulate, start)[0]


def _plant(rule: Rule, logits: Array, value: Array, embedding: Any, *, nodes: int) -> Tree:
    """Trees of a root alone."""
    batch, actions = logits.shape
    value = value.astype(jnp.float32)
    none = jnp.zeros_like(value)

    def first(one: Array) -> Array:
        return jnp.zeros((nodes, *one.shape), one.dtype).at[_ROOT].set(one)

    return Tree(
        numbers=Numbers(*map(first, (value, none + 1.0, none, none))).pack(),
        tried=jnp.zeros((2, nodes, batch, actions), jnp.float32),
        prior=first(rule.prepare(logits.astype(jnp.float32))),
        raw_value=first(value),
        child=jnp.full((nodes, batch, actions), _NEVER, jnp.int32),
        embedding=jax.tree.map(first, embedding),
    )


class _Path(NamedTuple):
    """Where the descents went. Rows are depths; a tree whose path has ended is in the bin."""

    place: Int32[Array, "depths 2 batch"]  # node, and the action taken there
    numbers: Float32[Array, "depths numbers batch"]  # of the node
    length: Int32[Array, ""]  # rows in use; what later rows hold is of paths before
    last: Int32[Array, "2 batch"]  # the place that each path ended with

    @classmethod
    def blank(cls, depths: int, batch: int) -> "_Path":
        return cls(
            jnp.zeros((depths, 2, batch), jnp.int32),
            jnp.zeros((depths, len(Numbers._fields), batch), jnp.float32),
            jnp.int32(0),
            jnp.zeros((2, batch), jnp.int32),
        )

    def record(self, place: Array, numbers: Array, is_on_path: Array) -> "_Path":
        """The path with one more row."""
        return _Path(
            place=_put(self.place, self.length, place),
            numbers=_put(self.numbers, self.length, numbers),
            length=self.length + 1,
            last=jnp.where(is_on_path, place, self.last),
        )


def _put(rows: Array, row: Array, one: Array) -> Array:
    """Write a row that is known to be there: without the checks of an index."""
    return jax.lax.dynamic_update_slice_in_dim(rows, one[None], row, axis=0)


def _descend(rule: Rule, tree: Tree, path: _Path, simulation: Array) -> _Path:
    """From the roots to an action never taken, or to the cap."""
    (cap, _, batch), bin_ = path.place.shape, tree.prior.shape[0] - 1
    own = jnp.arange(batch)

    def choose(path: _Path, node: Array, action: Array, numbers: Array) -> tuple[_Path, Array]:
        following = tree.child[node, own, action]
        is_on_path = node != bin_
        path = path.record(jnp.stack([node, action]), numbers, is_on_path)
        return path, jnp.where(is_on_path & (following != _NEVER), following, bin_)

    def is_going(carry: tuple[_Path, Array]) -> Bool[Array, ""]:
        path, node = carry
        return (path.length < cap) & jnp.any(node != bin_)

    def go_down(carry: tuple[_Path, Array]) -> tuple[_Path, Array]:
        path, node = carry
        edges, numbers = tree.at(node, own)
        return choose(path, node, rule.inside(edges), numbers)

    root = jnp.full(batch, _ROOT, jnp.int32)
    edges, numbers = tree.at(_ROOT)
    path = path._replace(length=jnp.int32(0))
    start = choose(path, root, rule.at_root(edges, simulation), numbers)
    return jax.lax.while_loop(is_going, go_down, start)[0]


def _expand(
    rule: Rule, imagine: Imagine, tree: Tree, path: _Path, simulation: Array
) -> tuple[Float32[Array, "numbers batch"], Tree]:
    """Imagine the last step of every path: what the nodes that it leads to hold, and the trees with them."""
    new, (parent, action) = simulation + 1, path.last
    own = jnp.arange(parent.shape[0])
    known = tree.child[parent, own, action]
    node = jnp.where(known == _NEVER, new, known)
    step, embedding = imagine(jax.tree.map(lambda leaf: leaf[parent, own], tree.embedding), action)
    reward, discount, value = (
        number.astype(jnp.float32) for number in (step.reward, step.discount, step.value)
    )
    total = Numbers(*tree.numbers[:, node, own]).total + 1.0
    leaf = Numbers(value, total, reward, discount).pack()
    prior = rule.prepare(step.logits.astype(jnp.float32))
    # Where the node is known already, the new row stays without a parent.
    return leaf, Tree(
        numbers=tree.numbers.at[:, node, own].set(leaf),
        prior=_put(tree.prior, new, prior),
        tried=tree.tried,
        raw_value=_put(tree.raw_value, new, value),
        child=tree.child.at[parent, own, action].set(node),
        embedding=jax.tree.map(lambda rows, one: _put(rows, new, one), tree.embedding, embedding),
    )


class _Ascent(NamedTuple):
    """The way back up: what is known below, and what has been written so far."""

    depth: Int32[Array, ""]  # the next row of the path
    found: Float32[Array, " batch"]  # from the node below on, along the path
    below: Float32[Array, "numbers batch"]  # of that node
    numbers: Float32[Array, "numbers nodes batch"]
    tried: Float32[Array, "2 nodes batch actions"]


def _back_up(tree: Tree, path: _Path, leaf: Float32[Array, "numbers batch"]) -> Tree:
    """Average what was found into every node on the paths, from the leaves to the roots."""
    bin_, own = tree.prior.shape[0] - 1, jnp.arange(leaf.shape[1])

    def go_up(ascent: _Ascent) -> _Ascent:
        node, action = path.place[ascent.depth]
        is_on_path = node != bin_
        here, below = Numbers(*path.numbers[ascent.depth]), Numbers(*ascent.below)
        found = below.reward + below.discount * ascent.found
        mean = (here.value * here.total + found) / (here.total + 1.0)
        kept = here._replace(value=mean, total=here.total + 1.0).pack()
        # An action has been taken as often as the node that it led to was visited.
        tried = jnp.stack([below.total, below.q])
        return _Ascent(
            depth=ascent.depth - 1,
            found=jnp.where(is_on_path, found, ascent.found),
            below=jnp.where(is_on_path, kept, ascent.below),
            numbers=ascent.numbers.at[:, node, own].set(kept),
            tried=ascent.tried.at[:, node, own, action].set(tried),
        )

    found = Numbers(*leaf).value
    start = _Ascent(path.length - 1, found, leaf, tree.numbers, tree.tried)
    end = jax.lax.while_loop(lambda ascent: ascent.depth >= 0, go_up, start)
    return eqx.tree_at(lambda tree: (tree.numbers, tree.tried), tree, (end.numbers, end.tried))
