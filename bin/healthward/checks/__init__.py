"""What is refused, or warned of, before any compute is spent."""
