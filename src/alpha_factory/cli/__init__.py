"""The command line: one frozen dataclass a command. Parsing loads no JAX; a command imports the stages it runs."""
