"""Networks that turn features into a latent."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, Shaped


class Torso(eqx.Module):
    """A multilayer perceptron: layer norm and SiLU after every layer but the last, then tanh.

    The tanh keeps latents in the range of the GRU that takes over from here.
    """

    layers: tuple[eqx.nn.Linear, ...]
    norms: tuple[eqx.nn.LayerNorm, ...]

    def __init__(self, features: int, widths: tuple[int, ...], latent: int, *, key: PRNGKeyArray):
        sizes = (features, *widths, latent)
        keys = jax.random.split(key, len(sizes) - 1)
        self.layers = tuple(
            eqx.nn.Linear(size, following, key=layer_key)
            for size, following, layer_key in zip(sizes[:-1], sizes[1:], keys, strict=True)
        )
        self.norms = tuple(eqx.nn.LayerNorm(width) for width in widths)

    def __call__(self, features: Shaped[Array, " features"]) -> Float[Array, " latent"]:
        """The latent of features of any type, which are cast to that of the weights.

        Raises:
            ValueError: there are more features than weights, or fewer.
        """
        known = self.layers[0].in_features
        if features.shape != (known,):
            raise ValueError(
                f"An observation of shape {features.shape} was given to a network that reads "
                f"({known},), one state at a time. Put a batch through jax.vmap."
            )
        features = features.astype(self.layers[0].weight.dtype)
        for layer, norm in zip(self.layers[:-1], self.norms, strict=True):
            features = jax.nn.silu(norm(layer(features)))
        return jnp.tanh(self.layers[-1](features))
