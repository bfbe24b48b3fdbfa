"""Which phone is spoken when; see scripts/find-phones. Recognisers and libsndfile are loaded when they are needed, so
that the rest is tested without them."""
