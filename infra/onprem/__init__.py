"""What a platform on a cluster that someone else runs is."""
