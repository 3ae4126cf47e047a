"""What runs beside the broker: projectors, and the read side over what they project."""
