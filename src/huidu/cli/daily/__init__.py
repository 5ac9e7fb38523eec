"""Daily work: short commands that publish, call, move, take back, explain, compare and watch."""
