"""What a model is to those who run it: the values and interfaces that models, the engine and experiments share."""
