"""The run folder: its layout, and how it is read and written. No other package knows the names or the formats of its files."""
