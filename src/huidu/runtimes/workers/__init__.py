"""What runs inside an instance; imports nothing of huidu, so that it can run anywhere."""
