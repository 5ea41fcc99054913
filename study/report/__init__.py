"""What a study says, as pages."""
