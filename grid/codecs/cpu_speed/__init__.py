"""Speed on the CPU: faster equivalents of slow torch modules."""
