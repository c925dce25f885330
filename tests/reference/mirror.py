"""Discovered Policy Optimisation's drift (Lu et al. 2022) in plain numbers."""

import math


def dpo(log_ratio, advantage):
    """What holds the policy, of an action with this ln of the ratio of its chances and this advantage."""
    if advantage >= 0:
        move = (math.exp(log_ratio) - 1) * advantage
        return max(0.0, move - 2 * math.tanh(move / 2))
    move = log_ratio * advantage
    return max(0.0, move - 0.6 * math.tanh(move / 0.6))
