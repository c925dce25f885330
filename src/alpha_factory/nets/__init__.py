"""Networks: torsos and the model that the planner searches in."""

from alpha_factory.nets.model import Dynamics, Model, Prediction
from alpha_factory.nets.torso import Torso

__all__ = ["Dynamics", "Model", "Prediction", "Torso"]
