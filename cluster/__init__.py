"""The edge: all that imports ray or mlflow, and the files that say where it runs (local, AWS, GCP, KubeRay)."""
