"""Ray sessions: start or join, environment variables, Tune trials, signals and quiet logs."""
