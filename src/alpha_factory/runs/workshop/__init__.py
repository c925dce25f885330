"""A single world in a person's hands: found, bred, told in words, drawn and played."""
