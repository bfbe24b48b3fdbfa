"""Which phone is spoken when; see scripts/find-phones."""
