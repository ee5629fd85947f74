"""Models whose loop we do not own: servers, closed models, and autoregressive models on this machine (docs/served.md)."""
