"""Platforms on AWS, and the rules between their parts."""
