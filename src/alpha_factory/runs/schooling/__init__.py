"""Rounds of environment design in a run: what is made of their settings, their course, and what they log."""
