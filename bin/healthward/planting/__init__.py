"""Disease of known place and dose."""
