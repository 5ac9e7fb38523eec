"""A store of objects that speaks COS, as far as clients need it to deploy code."""
