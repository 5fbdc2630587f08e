"""What a platform on AWS is, and the rules between its parts."""
