"""Who may use the app and how much: keys, limits, sums, and what is kept for them in one database."""
