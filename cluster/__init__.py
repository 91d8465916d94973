"""All code that imports ray or mlflow, and the cluster files (local, AWS, GCP, KubeRay)."""
