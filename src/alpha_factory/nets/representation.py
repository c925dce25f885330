"""What reads an observation: a branch for its shape, and the trunk that all shapes share."""

import dataclasses
from dataclasses import dataclass
from typing import cast

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, Shaped

from alpha_factory.core.errors import UsageError, unknown
from alpha_factory.nets.convolution import Convolutions
from alpha_factory.nets.torso import Torso
from alpha_factory.nets.transformer import Transformer

Shape = tuple[int, ...]
Branch = eqx.nn.Linear | Transformer | Convolutions

_ENCODERS = ("mlp", "transformer")
_BRIGHTEST = 255  # of a byte


@dataclass(frozen=True)
class Sizes:
    """Of the branches that are more than a multilayer perceptron.

    Raises:
        UsageError: one is below 1.
    """

    embed: int = 128
    """Features in which every branch ends; the width of the transformer."""
    layers: int = 4
    """Blocks of the transformer."""
    heads: int = 4
    """Attention heads in each of them."""
    token: int = 32
    """Features of a flat observation in one token of the transformer."""
    channels: int = 32
    """Of each convolution."""

    def __post_init__(self):
        for name, size in dataclasses.asdict(self).items():
            if size < 1:
                raise UsageError(f"{name}={size} is no size of a network: give 1 or more.")


class Representation(eqx.Module):
    """A branch for each shape of observation, and the norm and the torso that all of them share."""

    branches: tuple[Branch, ...]
    norm: eqx.nn.LayerNorm
    trunk: Torso
    shapes: tuple[Shape, ...] = eqx.field(static=True)  # of observations, as the branches

    def __init__(
        self,
        shapes: tuple[Shape, ...],
        *,
        encoder: str,
        widths: tuple[int, ...],
        latent: int,
        sizes: Sizes,
        key: PRNGKeyArray,
    ):
        key_branches, key_trunk = jax.random.split(key)
        keys = jax.random.split(key_branches, len(shapes))
        self.branches = tuple(
            _make_branch(shape, encoder, sizes, key=branch_key)
            for shape, branch_key in zip(shapes, keys, strict=True)
        )
        self.norm = eqx.nn.LayerNorm(sizes.embed)
        self.trunk = Torso(sizes.embed, widths, latent, key=key_trunk)
        self.shapes = shapes

    def __call__(self, obs: Shaped[Array, "*axes"]) -> Float[Array, " latent"]:
        """The latent of an observation of bits, bytes or floats. An image's bytes become shares of 255.

        Raises:
            ValueError: no branch reads this shape.
        """
        if obs.shape not in self.shapes:
            known = " and ".join(map(str, self.shapes))
            raise ValueError(
                f"An observation of shape {obs.shape} was given to a network that reads {known}, "
                "one state at a time. Put a batch through jax.vmap."
            )
        branch = self.branches[self.shapes.index(obs.shape)]
        entries = obs.astype(self.trunk.layers[0].weight.dtype)
        if obs.ndim == 3 and obs.dtype == jnp.uint8:
            entries = entries / _BRIGHTEST
        return self.trunk(jax.nn.silu(self.norm(branch(entries))))


def make_representation(
    obs: int | Shape | tuple[Shape, ...],
    *,
    encoder: str,
    widths: tuple[int, ...],
    latent: int,
    sizes: Sizes,
    key: PRNGKeyArray,
) -> Torso | Representation:
    """The network for the shapes that `Model` says; a torso alone for one flat shape and "mlp".

    Raises:
        UsageError: the encoder is unknown, or there is no network for a shape.
    """
    if encoder not in _ENCODERS:
        raise unknown("encoder", encoder, _ENCODERS)
    shapes = _list_shapes(obs)
    for shape in shapes:
        if len(shape) not in (1, 3) or min(shape) < 1:
            raise UsageError(
                f"There is no network for observations of shape {shape}: "
                "give (features,) or (height, width, channels)."
            )
    if len(set(shapes)) < len(shapes):
        raise UsageError(f"obs={shapes} holds a shape twice; by their shape observations are told.")
    if encoder == "mlp" and len(shapes) == 1 and len(shapes[0]) == 1:
        return Torso(shapes[0][0], widths, latent, key=key)
    return Representation(
        shapes, encoder=encoder, widths=widths, latent=latent, sizes=sizes, key=key
    )


def _list_shapes(obs: int | Shape | tuple[Shape, ...]) -> tuple[Shape, ...]:
    if isinstance(obs, int):
        return ((obs,),)
    if all(isinstance(axis, int) for axis in obs):
        return (cast(Shape, obs),)
    return cast(tuple[Shape, ...], obs)


def _make_branch(shape: Shape, encoder: str, sizes: Sizes, *, key: PRNGKeyArray) -> Branch:
    match shape:
        case (height, width, channels):
            return Convolutions(
                (height, width, channels), channels=sizes.channels, embed=sizes.embed, key=key
            )
        case (features,) if encoder == "transformer":
            return Transformer(
                features,
                token=sizes.token,
                embed=sizes.embed,
                heads=sizes.heads,
                layers=sizes.layers,
                key=key,
            )
    return eqx.nn.Linear(shape[0], sizes.embed, key=key)
