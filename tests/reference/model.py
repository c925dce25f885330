"""The three networks and the loss in NumPy, float64, one state at a time."""

import numpy as np


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
    x = np.asarray(obs, np.float64)
    torso = model.representation
    for layer, norm in zip(torso.layers[:-1], torso.norms, strict=True):
        x = silu(normalise(norm, affine(layer, x)))
    return np.tanh(affine(torso.layers[-1], x))


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
    return following, perceive(model.dynamics.reward, following).item()


def predict(model, latent):
    """Logits and value."""
    value = perceive(model.prediction.value, latent).item()
    return perceive(model.prediction.policy, latent), value


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
                value_loss += (value - target.value[k]) ** 2
                error += abs(value - target.value[k]) if k == 0 else 0.0
            if target.is_policy_known[k]:
                policy_loss -= (np.asarray(policies[index][k]) * log_softmax(logits)).sum()
            if k < len(target.reward):
                latent, reward = imagine(model, latent, actions[index][k])
                if target.reward[k] is not None:
                    reward_loss += (reward - target.reward[k]) ** 2
                    error += abs(reward - target.reward[k]) if k == 0 else 0.0
        count = len(target.value)
        terms.append(weight * np.array([value_loss, policy_loss, reward_loss]) / count)
        errors.append(error)
    value, policy, reward = np.mean(terms, axis=0)
    return value + policy + reward_weight * reward, (value, policy, reward), errors
