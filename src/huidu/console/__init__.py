"""The console: the control plane for people, in front of the same desk as the API."""
