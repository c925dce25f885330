"""A batch of search trees grown in lock step: root predictions in, trees with their counts out.

Batched by hand instead of by `vmap` over a loop for each tree: all descents take one level at a
time, what the way up needs is recorded on the way down, and what changes is written by scatters of
one number a tree.
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


class Tree(eqx.Module):
    """Nodes in the order of their expansion, the root first; the last one is a bin.

    Trees that have nothing to do at a level read and write the bin.
    """

    prior: Float32[Array, "nodes batch actions"]
    visits: Float32[Array, "nodes batch actions"]
    q: Float32[Array, "nodes batch actions"]
    child: Int32[Array, "nodes batch actions"]
    value: Float32[Array, "nodes batch"]
    raw_value: Float32[Array, "nodes batch"]
    total: Float32[Array, "nodes batch"]
    reward: Float32[Array, "nodes batch"]  # of the step that led to the node
    discount: Float32[Array, "nodes batch"]  # of the same step
    embedding: Any  # leaves with leading axes `nodes batch`

    @property
    def root(self) -> Edges:
        """The roots."""
        return Edges(*(leaf[_ROOT] for leaf in self._seen_by_rules()))

    def at(self, node: Int32[Array, " batch"]) -> Edges:
        """One node of each tree."""
        own = jnp.arange(node.shape[0])
        return Edges(*(leaf[node, own] for leaf in self._seen_by_rules()))

    def _seen_by_rules(self) -> tuple[Array, ...]:
        return self.prior, self.visits, self.q, self.value, self.raw_value, self.total


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

    def simulate(simulation: Array, tree: Tree) -> Tree:
        path = _descend(rule, tree, simulation, cap=cap)
        node, tree = _expand(rule, imagine, tree, path, simulation)
        return _back_up(tree, path, node)

    return jax.lax.fori_loop(0, simulations, simulate, tree)


def _plant(rule: Rule, logits: Array, value: Array, embedding: Any, *, nodes: int) -> Tree:
    """Trees of a root alone."""
    edges = jnp.zeros((nodes, *logits.shape), jnp.float32)
    numbers = jnp.zeros((nodes, *value.shape), jnp.float32)
    values = numbers.at[_ROOT].set(value.astype(jnp.float32))
    return Tree(
        prior=edges.at[_ROOT].set(rule.prepare(logits.astype(jnp.float32))),
        visits=edges,
        q=edges,
        child=jnp.full(edges.shape, _NEVER, jnp.int32),
        value=values,
        raw_value=values,
        total=numbers.at[_ROOT].set(1.0),
        reward=numbers,
        discount=numbers,
        embedding=jax.tree.map(
            lambda leaf: jnp.zeros((nodes, *leaf.shape), leaf.dtype).at[_ROOT].set(leaf), embedding
        ),
    )


class _Path(NamedTuple):
    """Where the descents went. Rows are depths; a tree whose path has ended is in the bin."""

    node: Int32[Array, "depths batch"]
    action: Int32[Array, "depths batch"]  # taken there
    value: Float32[Array, "depths batch"]  # of the node, as all that follows
    total: Float32[Array, "depths batch"]
    reward: Float32[Array, "depths batch"]
    discount: Float32[Array, "depths batch"]
    length: Int32[Array, ""]  # rows in use

    def record(self, tree: Tree, node: Array, action: Array, edges: Edges) -> "_Path":
        """The path with one more row."""
        own = jnp.arange(node.shape[0])
        reward, discount = tree.reward[node, own], tree.discount[node, own]
        return _Path(
            node=self.node.at[self.length].set(node),
            action=self.action.at[self.length].set(action),
            value=self.value.at[self.length].set(edges.value),
            total=self.total.at[self.length].set(edges.total),
            reward=self.reward.at[self.length].set(reward),
            discount=self.discount.at[self.length].set(discount),
            length=self.length + 1,
        )


def _descend(rule: Rule, tree: Tree, simulation: Array, *, cap: int) -> _Path:
    """From the roots to an action never taken, or to the cap."""
    nodes, batch = tree.total.shape
    bin_, own = nodes - 1, jnp.arange(batch)
    whole, real = jnp.full((cap, batch), bin_, jnp.int32), jnp.zeros((cap, batch), jnp.float32)
    path = _Path(whole, jnp.zeros_like(whole), real, real, real, real, jnp.int32(0))

    def choose(path: _Path, node: Array, action: Array, edges: Edges) -> tuple[_Path, Array]:
        following = tree.child[node, own, action]
        is_over = (node == bin_) | (following == _NEVER)
        return path.record(tree, node, action, edges), jnp.where(is_over, bin_, following)

    def is_going(carry: tuple[_Path, Array]) -> Bool[Array, ""]:
        path, node = carry
        return (path.length < cap) & jnp.any(node != bin_)

    def go_down(carry: tuple[_Path, Array]) -> tuple[_Path, Array]:
        path, node = carry
        edges = tree.at(node)
        return choose(path, node, rule.inside(edges), edges)

    root = jnp.full(batch, _ROOT, jnp.int32)
    start = choose(path, root, rule.at_root(tree.root, simulation), tree.root)
    return jax.lax.while_loop(is_going, go_down, start)[0]


def _expand(
    rule: Rule, imagine: Imagine, tree: Tree, path: _Path, simulation: Array
) -> tuple[Int32[Array, " batch"], Tree]:
    """Imagine the last step of every path: the nodes that it leads to, and the trees with them."""
    nodes, batch = tree.total.shape
    own, new = jnp.arange(batch), simulation + 1
    last = jnp.sum((path.node != nodes - 1).astype(jnp.int32), axis=0) - 1
    parent, action = path.node[last, own], path.action[last, own]
    known = tree.child[parent, own, action]
    node = jnp.where(known == _NEVER, new, known)
    step, embedding = imagine(jax.tree.map(lambda leaf: leaf[parent, own], tree.embedding), action)
    reward, discount, value = (
        number.astype(jnp.float32) for number in (step.reward, step.discount, step.value)
    )

    def put(leaf: Array, one: Array) -> Array:
        # Where the node is known already, the new row stays without a parent.
        return leaf.at[new].set(one)

    return node, Tree(
        prior=put(tree.prior, rule.prepare(step.logits.astype(jnp.float32))),
        visits=tree.visits,
        q=tree.q,
        child=tree.child.at[parent, own, action].set(node),
        value=tree.value.at[node, own].set(value),
        raw_value=put(tree.raw_value, value),
        total=tree.total.at[node, own].add(1.0),
        reward=tree.reward.at[node, own].set(reward),
        discount=tree.discount.at[node, own].set(discount),
        embedding=jax.tree.map(put, tree.embedding, embedding),
    )


class _Ascent(NamedTuple):
    """The way back up: what is known below, and what has been written so far."""

    depth: Int32[Array, ""]  # the next row of the path
    found: Float32[Array, " batch"]  # from the node below on, along the path
    mean: Float32[Array, " batch"]  # of the node below
    reward: Float32[Array, " batch"]  # of the step to it
    discount: Float32[Array, " batch"]
    value: Float32[Array, "nodes batch"]
    total: Float32[Array, "nodes batch"]
    q: Float32[Array, "nodes batch actions"]
    visits: Float32[Array, "nodes batch actions"]


def _back_up(tree: Tree, path: _Path, leaf: Int32[Array, " batch"]) -> Tree:
    """Average what was found into every node on the paths, from the leaves to the roots."""
    nodes, batch = tree.total.shape
    own = jnp.arange(batch)

    def go_up(below: _Ascent) -> _Ascent:
        node, action, value, total, reward, discount = (row[below.depth] for row in path[:-1])
        is_on_path = node != nodes - 1
        found = below.reward + below.discount * below.found
        mean = (value * total + found) / (total + 1.0)

        def climb(above: Array, below: Array) -> Array:
            return jnp.where(is_on_path, above, below)

        return _Ascent(
            depth=below.depth - 1,
            found=climb(found, below.found),
            mean=climb(mean, below.mean),
            reward=climb(reward, below.reward),
            discount=climb(discount, below.discount),
            value=below.value.at[node, own].set(mean),
            total=below.total.at[node, own].set(total + 1.0),
            q=below.q.at[node, own, action].set(below.reward + below.discount * below.mean),
            visits=below.visits.at[node, own, action].add(1.0),
        )

    value, reward, discount = (
        leaves[leaf, own] for leaves in (tree.value, tree.reward, tree.discount)
    )
    kept = (tree.value, tree.total, tree.q, tree.visits)
    start = _Ascent(path.length - 1, value, value, reward, discount, *kept)
    end = jax.lax.while_loop(lambda ascent: ascent.depth >= 0, go_up, start)
    return eqx.tree_at(
        lambda tree: (tree.value, tree.total, tree.q, tree.visits),
        tree,
        (end.value, end.total, end.q, end.visits),
    )
