"""The page that a person reads: its tables, figures and the text of its methods."""
