"""Tables of all scans: outliers, classes and visits compared, the ranking."""
