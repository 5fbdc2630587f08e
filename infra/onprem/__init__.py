"""Platforms on a cluster that someone else runs."""
