"""What a run's files say, read as they grow: nothing here changes a run but what people ask of it."""
