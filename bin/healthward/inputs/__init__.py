"""What a user gives, and what earlier stages wrote: sheet, BIDS, parameters, split, tables."""
