"""The endpoints by purpose: what they take and give, and whom they ask."""
