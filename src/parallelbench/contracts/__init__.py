"""The values and interfaces that models, the engine and experiments have in common: requests, outputs, model facts."""
