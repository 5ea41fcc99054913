"""Programs of a checkout: the commands, the benches, the measurements in the documentation."""
