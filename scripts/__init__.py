"""What a checkout starts: the commands, the benches, what measured the documentation's numbers."""
