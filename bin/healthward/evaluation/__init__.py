"""How alike two images are, and how well a map finds a known truth."""
