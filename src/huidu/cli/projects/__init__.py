"""Commands for a folder with a project: begin it, deploy it, tell of it, take it off."""
