"""The control plane over the cloud API's protocol."""
