"""The explorer: serves the samples of run folders to a browser on this machine, filtered, and one of them step by step."""
