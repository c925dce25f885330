"""A run's rows on Weights & Biases, for those who ask for it: a process of its own, which no run waits for."""
