"""What can be earned in a grid world, by search over its true states."""
