"""What watches GPUs."""
