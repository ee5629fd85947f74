"""Small models of our own and how they were made."""
