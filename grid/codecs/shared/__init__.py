"""Code that several adapters share: models of which two families use the same layout or the same parts."""
