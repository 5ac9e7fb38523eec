"""The control plane for people: pages in a browser, over the same actions as for programs."""
