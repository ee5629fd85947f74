"""Sends results to experiment trackers (Weights & Biases, MLflow, Trackio). A tracker never stops or slows a run."""
