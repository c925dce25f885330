"""A residual convolutional network of images: pixels in, as many features as asked for out."""

import math

import equinox as eqx
import jax
from jaxtyping import Array, Float, PRNGKeyArray

from alpha_factory.core.errors import UsageError

_BLOCKS = 3  # of two convolutions each, behind the first one: seven in all (paper, section 3.2)
_SHRINK = 2 ** (_BLOCKS + 1)  # pixels of the image, a side, for one of the last map


class Convolutions(eqx.Module):
    """Seven convolutions of SiLU; the first one and each residual block halve the image.

    A linear layer reads the last map, which is 8 x 8 for an image of 128 x 128.
    """

    first: "Convolution"
    blocks: tuple["Residual", ...]
    last: eqx.nn.Linear

    def __init__(
        self, shape: tuple[int, int, int], *, channels: int, embed: int, key: PRNGKeyArray
    ):
        """Draw the weights.

        Args:
            shape: height, width and colours of an image.
            channels: of each convolution.
            embed: features that come out.

        Raises:
            UsageError: the image can't be halved often enough.
        """
        height, width, colours = shape
        if height % _SHRINK or width % _SHRINK:
            raise UsageError(
                f"An image of {height} x {width} pixels can't be halved {_BLOCKS + 1} times: "
                f"give it sides that are multiples of {_SHRINK}."
            )
        key_first, key_blocks, key_last = jax.random.split(key, 3)
        self.first = Convolution(colours, channels, stride=2, key=key_first)
        keys = jax.random.split(key_blocks, _BLOCKS)
        self.blocks = tuple(Residual(channels, key=block_key) for block_key in keys)
        pixels = (height // _SHRINK) * (width // _SHRINK)
        self.last = eqx.nn.Linear(pixels * channels, embed, key=key_last)

    def __call__(self, image: Float[Array, "height width colours"]) -> Float[Array, " embed"]:
        """The features of an image whose entries lie in [0, 1]."""
        seen = self.first(image)
        for block in self.blocks:
            seen = block(seen)
        return self.last(jax.nn.silu(seen).ravel())


class Residual(eqx.Module):
    """Two convolutions whose outcome is added to the image, both at half the size."""

    first: "Convolution"
    second: "Convolution"

    def __init__(self, channels: int, *, key: PRNGKeyArray):
        key_first, key_second = jax.random.split(key)
        self.first = Convolution(channels, channels, stride=2, key=key_first)
        self.second = Convolution(channels, channels, stride=1, key=key_second)

    def __call__(
        self, image: Float[Array, "height width channels"]
    ) -> Float[Array, "height//2 width//2 channels"]:
        change = self.second(jax.nn.silu(self.first(jax.nn.silu(image))))
        return _halve(image) + change


class Convolution(eqx.Module):
    """3 x 3 pixels, with zeros around the image: stride 1 keeps its size, stride 2 halves it."""

    weight: Float[Array, "out 3 3 into"]  # outputs first, as in a linear layer
    bias: Float[Array, " out"]
    stride: int = eqx.field(static=True)

    def __init__(self, into: int, out: int, *, stride: int, key: PRNGKeyArray):
        key_weight, key_bias = jax.random.split(key)
        limit = 1 / math.sqrt(9 * into)
        self.weight = jax.random.uniform(key_weight, (out, 3, 3, into), minval=-limit, maxval=limit)
        self.bias = jax.random.uniform(key_bias, (out,), minval=-limit, maxval=limit)
        self.stride = stride

    def __call__(
        self, image: Float[Array, "height width into"]
    ) -> Float[Array, "height//{self.stride} width//{self.stride} out"]:
        out = jax.lax.conv_general_dilated(
            image[None],
            self.weight,
            window_strides=(self.stride, self.stride),
            padding=((1, 1), (1, 1)),
            dimension_numbers=("NHWC", "OHWI", "NHWC"),
        )
        return out[0] + self.bias[None, None]


def _halve(
    image: Float[Array, "height width channels"],
) -> Float[Array, "height//2 width//2 channels"]:
    """The mean of each 2 x 2 pixels."""
    height, width, channels = image.shape
    return image.reshape(height // 2, 2, width // 2, 2, channels).mean(axis=(1, 3))
