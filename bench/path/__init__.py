"""Path: what a call costs at each stage of the hot path, and what it may cost there."""
