"""The gray-release story, played on a real server with real traffic."""
