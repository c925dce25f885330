"""The live page: a runs folder in, an API, a WebSocket and a page out. Importing this imports nothing else."""
