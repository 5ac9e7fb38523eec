"""The network of instances: the way to the internet, and to nothing else (mode `egress`)."""
