"""What runs in a zygote and in its forks, on the user's Python."""
