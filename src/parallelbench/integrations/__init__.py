"""Adapters to other people's tools. Nothing in the package imports them but the commands that use them."""
