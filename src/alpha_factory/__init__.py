"""Alpha-Factory: open-ended reinforcement learning in JAX.

Importing the package does nothing. Start reading at `alpha_factory.runs`.
"""
