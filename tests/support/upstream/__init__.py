"""Programs that run the published implementations on small random models, for tests."""
