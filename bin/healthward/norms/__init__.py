"""What health shows at each place, and how far a scan departs from it."""
