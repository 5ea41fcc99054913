"""The model card beside each exported model."""
