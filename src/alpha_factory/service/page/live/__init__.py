"""What a run writes, sent on to those who watch it: files polled once for all clients, a bounded queue for each."""
