"""What a study prints on the terminal when it ends."""
