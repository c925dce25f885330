"""Learning without a curriculum: fixed tasks from scratch, and phases of worlds that come and go."""
