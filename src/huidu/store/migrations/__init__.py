"""How the tables came to be, step by step; what was once released is never edited."""
