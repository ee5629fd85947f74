"""A leaderboard: results of runs in a documented form that others can check, and a page that ranks them."""
