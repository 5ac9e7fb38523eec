"""What walls are built of: mounts, filters, limits, and the system calls for them."""
