"""What a run runs on: devices, their memory, and the processes that share the work."""
