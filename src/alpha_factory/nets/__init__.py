"""Networks: what reads observations, the heads, and the model that the planner searches in."""

from alpha_factory.nets.actor_critic import ActorCritic
from alpha_factory.nets.convolution import Convolutions
from alpha_factory.nets.heads import CategoricalHead, ScalarHead
from alpha_factory.nets.memory.memory import MEMORIES
from alpha_factory.nets.model import Dynamics, Model, Prediction
from alpha_factory.nets.representation import Representation, Sizes
from alpha_factory.nets.support import Support
from alpha_factory.nets.torso import Torso
from alpha_factory.nets.transformer import Transformer

__all__ = [
    "MEMORIES",
    "ActorCritic",
    "CategoricalHead",
    "Convolutions",
    "Dynamics",
    "Model",
    "Prediction",
    "Representation",
    "ScalarHead",
    "Sizes",
    "Support",
    "Torso",
    "Transformer",
]
