"""Projects: a folder with code and a file that says what is to become of it."""
