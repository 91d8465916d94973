"""MLflow: a mirror of the store that only the driver writes, what the report reads, and its pages."""
