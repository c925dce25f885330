"""The three networks and the loss in NumPy, float64, one state at a time."""

import numpy as np

SLOPE = 0.001  # epsilon of the invertible transform


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def silu(x):
    return x * sigmoid(x)


def log_softmax(logits):
    return logits - logits.max() - np.log(np.exp(logits - logits.max()).sum())


def read(leaf):
    return np.asarray(leaf, np.float64)


def affine(layer, x):
    return read(layer.weight) @ x + read(layer.bias)


def normalise(norm, x):
    return (x - x.mean()) / np.sqrt(x.var() + 1e-5) * read(norm.weight) + read(norm.bias)


def represent(model, obs):
    """The latent; of several branches, the one whose kind of observation this is."""
    x = np.asarray(obs, np.float64)
    net = model.representation
    if not hasattr(net, "trunk"):
        return descend(net, x)
    branch = next(
        branch for branch in net.branches if hasattr(branch, "last") == (np.ndim(obs) == 3)
    )
    if hasattr(branch, "last"):
        x = look(branch, x / 255 if np.asarray(obs).dtype == np.uint8 else x)
    elif hasattr(branch, "blocks"):
        x = encode(branch, x)
    else:
        x = affine(branch, x)
    return descend(net.trunk, silu(normalise(net.norm, x)))


def descend(torso, x):
    for layer, norm in zip(torso.layers[:-1], torso.norms, strict=True):
        x = silu(normalise(norm, affine(layer, x)))
    return np.tanh(affine(torso.layers[-1], x))


def encode(net, x):
    """A transformer encoder, token by token."""
    weight, bias = read(net.first.weight), read(net.first.bias)
    cuts = x.reshape(weight.shape[1:])
    tokens = [weight[:, place] @ cut + bias[:, place] for place, cut in enumerate(cuts)]
    for block in net.blocks:
        seen = attend(block.attention, [normalise(block.norm_attention, token) for token in tokens])
        tokens = [token + more for token, more in zip(tokens, seen, strict=True)]
        tokens = [
            token + perceive(block.feed, normalise(block.norm_feed, token)) for token in tokens
        ]
    return np.mean(tokens, axis=0)


def attend(attention, tokens):
    """What each token takes from all of them, head by head."""
    split = [np.split(read(attention.enter.weight) @ token, 3) for token in tokens]
    parts = [[np.split(part, attention.heads) for part in token] for token in split]
    found = []
    for at, (queries, _, _) in enumerate(parts):
        heads = []
        for head, query in enumerate(queries):
            scores = [
                (turn(query, at) * np.conj(turn(keys[head], place))).sum().real
                for place, (_, keys, _) in enumerate(parts)
            ]
            share = np.exp(log_softmax(np.array(scores) / np.sqrt(len(query))))
            heads.append(
                sum(s * values[head] for s, (_, _, values) in zip(share, parts, strict=True))
            )
        found.append(read(attention.leave.weight) @ np.concatenate(heads))
    return found


def turn(head, position):
    """Rotary positions: pairs of features as complex numbers, each turned at a speed of its own."""
    pairs = head[: len(head) // 2] + 1j * head[len(head) // 2 :]
    return pairs * np.exp(1j * position * 10_000.0 ** (-np.arange(len(pairs)) / len(pairs)))


def look(net, image):
    """The residual convolutional network, pixel by pixel."""
    image = convolve(net.first, image, stride=2)
    for block in net.blocks:
        inner = convolve(block.second, silu(convolve(block.first, silu(image), stride=2)), stride=1)
        mean = sum(image[row::2, column::2] for row in (0, 1) for column in (0, 1)) / 4
        image = mean + inner
    return affine(net.last, silu(image).ravel())


def convolve(layer, image, *, stride):
    weight, bias = read(layer.weight), read(layer.bias)
    height, width, channels = image.shape
    padded = np.zeros((height + 2, width + 2, channels))
    padded[1:-1, 1:-1] = image
    out = np.empty((height // stride, width // stride, len(bias)))
    for row, column in np.ndindex(out.shape[:2]):
        patch = padded[row * stride :, column * stride :][:3, :3]
        out[row, column] = (weight * patch).sum(axis=(1, 2, 3)) + bias
    return out


def perceive(mlp, x):
    """A perceptron with one hidden layer; a scalar comes out as an array of one."""
    hidden, out = mlp.layers
    return affine(out, silu(affine(hidden, x)))


def imagine(model, latent, action):
    """The next latent and the reward."""
    cell = model.dynamics.cell
    one_hot = np.eye(model.dynamics.actions)[action]
    from_input = np.split(read(cell.weight_ih) @ one_hot + read(cell.bias), 3)
    from_hidden = np.split(read(cell.weight_hh) @ latent, 3)
    reset = sigmoid(from_input[0] + from_hidden[0])
    keep = sigmoid(from_input[1] + from_hidden[1])
    fresh = np.tanh(from_input[2] + reset * (from_hidden[2] + read(cell.bias_n)))
    following = (1 - keep) * fresh + keep * latent
    return following, number(model.dynamics.reward, following)


def predict(model, latent):
    """Logits and value."""
    value = number(model.prediction.value, latent)
    return perceive(model.prediction.policy, latent), value


def number(head, latent):
    """What a head for value or reward says."""
    out = perceive(head.mlp, latent)
    if hasattr(head, "support"):
        return invert((np.exp(log_softmax(out)) * centres(head.support)).sum())
    return (out / (1.0 if head.log_scale is None else np.exp(read(head.log_scale)))).item()


def compare(head, latent, target):
    """The loss of a head: squared error, or cross-entropy to the two-hot."""
    if hasattr(head, "support"):
        log_share = log_softmax(perceive(head.mlp, latent))
        return -(two_hot(head.support, target) * log_share).sum()
    return (number(head, latent) - target) ** 2


def transform(x):
    return np.sign(x) * (np.sqrt(abs(x) + 1) - 1) + SLOPE * x


def invert(y):
    """As published: the root of a quadratic equation."""
    root = (np.sqrt(1 + 4 * SLOPE * (abs(y) + 1 + SLOPE)) - 1) / (2 * SLOPE)
    return float(np.sign(y) * (root**2 - 1))


def centres(support):
    return np.linspace(transform(support.low), transform(support.high), support.bins)


def two_hot(support, target):
    """Shares of the bins below and above a number."""
    centre = centres(support)
    place = min(max(transform(target), centre[0]), centre[-1])
    above = min(max(int(np.searchsorted(centre, place)), 1), support.bins - 1)
    share = (place - centre[above - 1]) / (centre[above] - centre[above - 1])
    shares = np.zeros(support.bins)
    shares[above - 1 : above + 1] = 1 - share, share
    return shares


def unrolled_loss(model, obs, actions, policies, weights, targets, *, reward_weight):
    """Loss, its three terms, and the priority of each window.

    Args:
        actions: a list a window, as policies.
        targets: `reference.targets.Targets` a window.
    """
    terms, errors = [], []
    for index, weight in enumerate(weights):
        latent = represent(model, obs[index])
        target = targets[index]
        value_loss = policy_loss = reward_loss = error = 0.0
        for k in range(len(target.value)):
            logits, value = predict(model, latent)
            if target.value[k] is not None:
                value_loss += compare(model.prediction.value, latent, target.value[k])
                error += abs(value - target.value[k]) if k == 0 else 0.0
            if target.is_policy_known[k]:
                policy_loss -= (np.asarray(policies[index][k]) * log_softmax(logits)).sum()
            if k < len(target.reward):
                latent, reward = imagine(model, latent, actions[index][k])
                if target.reward[k] is not None:
                    reward_loss += compare(model.dynamics.reward, latent, target.reward[k])
                    error += abs(reward - target.reward[k]) if k == 0 else 0.0
        count = len(target.value)
        weighed = np.array([value_loss, policy_loss, reward_weight * reward_loss])
        terms.append(weight * weighed / count)
        errors.append(error)
    value, policy, reward = np.mean(terms, axis=0)
    return value + policy + reward, (value, policy, reward), errors
