"""What came out: reads run folders only. Needs no torch and no model."""
