"""Processes, files, network, clocks and people. Importing this imports nothing else."""
