"""Rules between parts of a stack file that hold on every site."""
