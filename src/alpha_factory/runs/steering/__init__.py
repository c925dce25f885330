"""What people ask of a run while it is at work, and what it says of the moment."""
