"""What to run: a spec becomes a plan of cells, cells are run and stored, and a run that was cut off continues."""
