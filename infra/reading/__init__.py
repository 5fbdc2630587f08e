"""From the text of a stack file to values whose faults are all told."""
