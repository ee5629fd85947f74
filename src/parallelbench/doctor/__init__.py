"""Checks: is a model what its card says (`doctor.models`), does a decoder keep its promises (`doctor.decoders`)."""
