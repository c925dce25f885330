"""A recurrent actor and critic: observations to logits and values, with a memory between."""

import itertools
import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray, Shaped

from alpha_factory.core.errors import UsageError
from alpha_factory.nets.dense import Dense
from alpha_factory.nets.memory.memory import Memory, make_memory

_STILL = 0.01  # scale of the last layer of the policy, which begins close to uniform
_NEVER = (
    -1e9
)  # logit of an action that may not be taken; finite, so that no 0 is multiplied with infinity

Carry = Array
"""State of the memory; lanes come first. What else its axes are is the memory's own business."""


class Opinion(NamedTuple):
    """What an actor and critic thinks of observations."""

    logits: Float[Array, "*axes actions"]
    value: Float[Array, "*axes"]


class ActorCritic(eqx.Module):
    """Embedding -> memory -> a head each for policy and value.

    The heads are JaxUED's, 32 hidden units and their scales. Its embedding, 16 filters of 3 x 3 over
    the view, gives the memory 149 features; a linear layer and ReLU over the same bits as flat
    features gives it `embed`, whatever the world is.
    """

    embedding: Dense
    memory: Memory
    policy: "Head"
    value: "Head"
    shape: tuple[int, ...] = eqx.field(static=True)  # of an observation
    codes: int | None = eqx.field(static=True)
    parts: tuple[int, ...] = eqx.field(static=True)  # choices in each part of an action
    is_masked: bool = eqx.field(static=True)

    def __init__(
        self,
        obs: tuple[int, ...],
        actions: int | tuple[int, ...],
        *,
        memory: str = "lstm",
        width: int = 256,
        layers: int = 4,
        embed: int = 64,
        head: int = 32,
        codes: int | None = None,
        is_masked: bool = False,
        key: PRNGKeyArray,
    ):
        """Draw the weights.

        Args:
            obs: shape of an observation, whose entries are read as flat features.
            actions: how many; or how many choices each part of an action has, where parts are chosen
                independently. Actions are then counted with the last part going round first.
            memory: "lstm", "gru" or "s5".
            width: of the memory.
            layers: of S5; the others have one.
            embed: features that the memory reads.
            head: hidden units of each head.
            codes: entries are codes from 0 up to this number, as of kinds of cells, and each is told by
                bits; None: they are bits or numbers.
            is_masked: the last entries of a flat observation, one an action, are 1 for those that may be taken
                now and else 0.

        Raises:
            UsageError: there is no such memory, or S5 can't have that width.
        """
        key_embedding, key_memory, key_policy, key_value = jax.random.split(key, 4)
        features = math.prod(obs) * (codes or 1)
        self.embedding = Dense(features, embed, scale=math.sqrt(2), key=key_embedding)
        self.memory = make_memory(memory, embed, width, layers=layers, key=key_memory)
        self.parts = actions if isinstance(actions, tuple) else (actions,)
        self.policy = Head(width, head, sum(self.parts), scale=_STILL, key=key_policy)
        self.value = Head(width, head, 1, scale=1.0, key=key_value)
        self.shape, self.codes, self.is_masked = obs, codes, is_masked

    @property
    def actions(self) -> int:
        """How many actions there are, whole ones where they have parts."""
        return math.prod(self.parts)

    def start(self, lanes: int) -> Carry:
        """The state of a memory that remembers nothing."""
        return self.memory.start(lanes)

    def __call__(
        self,
        obs: Shaped[Array, "time lanes *obs"],
        is_reset: Bool[Array, "time lanes"],
        carry: Carry,
    ) -> tuple[Opinion, Carry]:
        """Opinions of all rows, and the state after the last.

        Args:
            is_reset: an episode begins with this row: what was before it is forgotten.

        Raises:
            ValueError: observations have another shape than the network reads.
            UsageError: they are bytes, and the network was not told how many codes there are.
        """
        recalled, carry = self.recall(obs, is_reset, carry)
        return self.judge(recalled), carry

    def step(
        self, obs: Shaped[Array, "lanes *obs"], is_reset: Bool[Array, " lanes"], carry: Carry
    ) -> tuple[Opinion, Carry]:
        """Opinions of one row, and the state after it."""
        recalled, carry = self.memory.step(self._embed(obs), is_reset, carry)
        return self.judge(self._keep_mask(recalled, obs)), carry

    def recall(
        self,
        obs: Shaped[Array, "time lanes *obs"],
        is_reset: Bool[Array, "time lanes"],
        carry: Carry,
    ) -> tuple[Float[Array, "time lanes width"], Carry]:
        """What the heads are given, by the memory and as a mask, and the memory's state after the last row."""
        recalled, carry = self.memory(self._embed(obs), is_reset, carry)
        return self._keep_mask(recalled, obs), carry

    def judge(self, recalled: Float[Array, "*axes width"]) -> Opinion:
        """What the heads make of it."""
        if not self.is_masked:
            return Opinion(self._join(self.policy(recalled)), self.value(recalled)[..., 0])
        recalled, mask = jnp.split(recalled, [recalled.shape[-1] - math.prod(self.parts)], axis=-1)
        logits = jnp.where(mask > 0, self._join(self.policy(recalled)), _NEVER)
        return Opinion(logits, self.value(recalled)[..., 0])

    def _join(self, logits: Float[Array, "*axes choices"]) -> Float[Array, "*axes actions"]:
        """Of the parts, one after the other, to those of whole actions: their sums."""
        if len(self.parts) == 1:
            return logits
        whole, *others = jnp.split(logits, list(itertools.accumulate(self.parts))[:-1], axis=-1)
        for other in others:
            sums = whole[..., :, None] + other[..., None, :]
            whole = sums.reshape(*sums.shape[:-2], -1)
        return whole

    def _keep_mask(self, recalled: Float[Array, "*axes width"], obs: Shaped[Array, "..."]) -> Array:
        if not self.is_masked:
            return recalled
        mask = obs[..., -math.prod(self.parts) :].astype(jnp.float32)
        return jnp.concatenate([recalled, mask], axis=-1)

    def _embed(self, obs: Shaped[Array, "..."]) -> Float[Array, "..."]:
        lead = obs.ndim - len(self.shape)
        if lead < 1 or obs.shape[lead:] != self.shape:
            raise ValueError(
                f"Observations of shape {obs.shape} were given to a network that reads "
                f"{self.shape} behind the axes of time and lanes."
            )
        if self.codes is not None:
            features = jax.nn.one_hot(obs, self.codes, dtype=jnp.float32)
        elif obs.dtype == jnp.uint8:
            raise UsageError(
                "Observations of bytes are codes of something: tell the network how many there are, "
                "as in codes=31 for the cells of a grid."
            )
        else:
            features = obs.astype(jnp.float32)
        return jax.nn.relu(self.embedding(features.reshape(*obs.shape[:lead], -1)))


class Head(eqx.Module):
    """One hidden layer of ReLU."""

    hidden: Dense
    out: Dense

    def __init__(self, width: int, head: int, out: int, *, scale: float, key: PRNGKeyArray):
        key_hidden, key_out = jax.random.split(key)
        self.hidden = Dense(width, head, scale=2.0, key=key_hidden)
        self.out = Dense(head, out, scale=scale, key=key_out)

    def __call__(self, features: Float[Array, "*axes width"]) -> Float[Array, "*axes out"]:
        return self.out(jax.nn.relu(self.hidden(features)))
