"""The sandbox: what is put around instances, by tiers, and which of them this machine gives."""
