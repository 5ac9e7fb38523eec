"""A proxy on this machine that clients of the cloud reach a server of ours through, unchanged."""
