"""The statements of the paper (arXiv 2510.04767), tested on the exact model, the shipped models and the published numbers."""
