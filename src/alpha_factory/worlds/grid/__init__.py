"""How a grid world goes on: one step of the engine, part by part, and what the agent sees."""
