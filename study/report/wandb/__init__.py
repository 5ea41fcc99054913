"""The W&B report that compares the arms."""
