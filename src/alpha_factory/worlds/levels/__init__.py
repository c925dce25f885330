"""What a grid world is made of: from a genome, from text, or from a file to a level."""
