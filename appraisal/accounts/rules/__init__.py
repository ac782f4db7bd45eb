"""``accounts`` says which roles go together, and ``sessions`` how long somebody stays signed in."""
