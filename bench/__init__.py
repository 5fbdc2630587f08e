"""Benchmarks of the components, config, checks and policies against a flat program that registers the same resources."""
