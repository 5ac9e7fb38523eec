"""`make bench`: calls through Huidu, its peers and what bounds them all, by turns in one run."""
