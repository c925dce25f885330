"""Who does the work of a cycle that can be done side by side: this process, or workers of Ray."""
