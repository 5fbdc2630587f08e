"""What the components, config, checks and policies cost, measured against a flat program that registers the same resources."""
