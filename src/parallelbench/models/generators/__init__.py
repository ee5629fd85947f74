"""Models that decode by themselves: servers, closed models, and autoregressive models on this machine (docs/served.md)."""
