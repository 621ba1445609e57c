"""Settings: one YAML per thing that a user may want to change, each checked by one typed schema."""
