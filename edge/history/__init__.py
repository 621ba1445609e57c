"""What was done: sessions, sets, reps and holds, kept in one database, rep by rep."""
