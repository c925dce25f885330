"""A transformer encoder of flat observations: features in, as many as its width out."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from alpha_factory.core.errors import UsageError

_BASE = 10_000.0  # of the rotary wavelengths, as published
_WIDER = 4  # hidden units of the feed-forward part for each of the width


class Transformer(eqx.Module):
    """Cuts an observation into tokens, mixes them in pre-norm blocks and averages over them."""

    first: "Tokens"
    blocks: tuple["Block", ...]

    def __init__(
        self,
        features: int,
        *,
        token: int,
        embed: int,
        heads: int,
        layers: int,
        key: PRNGKeyArray,
    ):
        """Draw the weights.

        Args:
            token: features in a token; divides all features.
            embed: width, and features that come out.
            heads: of the attention; twice as many divide the width.
            layers: blocks.

        Raises:
            UsageError: the numbers don't divide.
        """
        if features % token:
            fitting = next(size for size in range(token, 0, -1) if features % size == 0)
            raise UsageError(
                f"token={token} does not divide the {features} features of an observation "
                f"({features % token} left over). Try token={fitting}."
            )
        if embed % (2 * heads):
            fitting = 2 * heads * math.ceil(embed / (2 * heads))
            raise UsageError(
                f"embed={embed} does not divide over heads={heads} into pairs of features, "
                f"which rotary positions turn. Try embed={fitting}."
            )
        key_first, key_blocks = jax.random.split(key)
        self.first = Tokens(features // token, token, embed, key=key_first)
        keys = jax.random.split(key_blocks, layers)
        self.blocks = tuple(Block(embed, heads, key=block_key) for block_key in keys)

    def __call__(self, features: Float[Array, " features"]) -> Float[Array, " embed"]:
        tokens = self.first(features)
        for block in self.blocks:
            tokens = block(tokens)
        return jnp.mean(tokens, axis=0)


class Tokens(eqx.Module):
    """The first projection. Each token has weights of its own.

    In a basis each place has a meaning, which weights shared by all tokens could not tell:
    rotary positions say how far apart two tokens are, never where they stand.
    """

    weight: Float[Array, "embed tokens token"]
    bias: Float[Array, "embed tokens"]

    def __init__(self, tokens: int, token: int, embed: int, *, key: PRNGKeyArray):
        key_weight, key_bias = jax.random.split(key)
        limit = 1 / math.sqrt(token)
        shape = (embed, tokens, token)
        self.weight = jax.random.uniform(key_weight, shape, minval=-limit, maxval=limit)
        self.bias = jax.random.uniform(key_bias, shape[:2], minval=-limit, maxval=limit)

    def __call__(self, features: Float[Array, " features"]) -> Float[Array, "tokens embed"]:
        _, tokens, token = self.weight.shape
        cut = features.reshape(tokens, token)
        return jnp.einsum("etf,tf->te", self.weight, cut) + self.bias.T


class Block(eqx.Module):
    """Attention, then a feed-forward part of SiLU; each reads a norm of what it adds to."""

    norm_attention: eqx.nn.LayerNorm
    norm_feed: eqx.nn.LayerNorm
    attention: "Attention"
    feed: eqx.nn.MLP

    def __init__(self, embed: int, heads: int, *, key: PRNGKeyArray):
        key_attention, key_feed = jax.random.split(key)
        self.norm_attention, self.norm_feed = eqx.nn.LayerNorm(embed), eqx.nn.LayerNorm(embed)
        self.attention = Attention(embed, heads, key=key_attention)
        self.feed = eqx.nn.MLP(embed, embed, _WIDER * embed, 1, jax.nn.silu, key=key_feed)

    def __call__(self, tokens: Float[Array, "tokens embed"]) -> Float[Array, "tokens embed"]:
        tokens = tokens + self.attention(jax.vmap(self.norm_attention)(tokens))
        return tokens + jax.vmap(self.feed)(jax.vmap(self.norm_feed)(tokens))


class Attention(eqx.Module):
    """Each token looks at all of them, by several heads (Vaswani et al. 2017)."""

    enter: eqx.nn.Linear  # query, key and value, each of all heads
    leave: eqx.nn.Linear
    heads: int = eqx.field(static=True)

    def __init__(self, embed: int, heads: int, *, key: PRNGKeyArray):
        key_enter, key_leave = jax.random.split(key)
        self.enter = eqx.nn.Linear(embed, 3 * embed, use_bias=False, key=key_enter)
        self.leave = eqx.nn.Linear(embed, embed, use_bias=False, key=key_leave)
        self.heads = heads

    def __call__(self, tokens: Float[Array, "tokens embed"]) -> Float[Array, "tokens embed"]:
        entered = jax.vmap(self.enter)(tokens).reshape(len(tokens), 3, self.heads, -1)
        position = jnp.arange(len(tokens))
        query, key = (rotate(entered[:, part], position) for part in (0, 1))
        # Scores and their softmax stay in float32 whatever the weights are in.
        score = jnp.einsum("qhf,khf->hqk", query, key, preferred_element_type=jnp.float32)
        weight = jax.nn.softmax(score / math.sqrt(query.shape[-1])).astype(tokens.dtype)
        found = jnp.einsum("hqk,khf->qhf", weight, entered[:, 2])
        return jax.vmap(self.leave)(found.reshape(tokens.shape))


def rotate(
    heads: Float[Array, "tokens heads size"], position: Int[Array, " tokens"]
) -> Float[Array, "tokens heads size"]:
    """Rotary positions (Su et al. 2021): turn each pair of features by an angle that grows with the position.

    The product of two turned vectors depends on how far apart their positions are, on nothing else.

    Args:
        heads: feature i and feature i + size / 2 are a pair.
    """
    half = heads.shape[-1] // 2
    speed = _BASE ** (-jnp.arange(half, dtype=jnp.float32) / half)
    angle = position.astype(jnp.float32)[:, None, None] * speed[None, None]
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    one, other = jnp.split(heads.astype(jnp.float32), 2, axis=-1)
    turned = jnp.concatenate([one * cos - other * sin, one * sin + other * cos], axis=-1)
    return turned.astype(heads.dtype)
