"""What the stages are tested against: the same meaning in plain Python, as slow and obvious as can be."""
