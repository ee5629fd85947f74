"""Whatever is on disk of a run: its layout, and how it is read and written. Nobody else knows its files."""
