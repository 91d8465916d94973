"""MLflow: mirrors the store (only the driver writes), reads results for reports, and serves MLflow's pages."""
