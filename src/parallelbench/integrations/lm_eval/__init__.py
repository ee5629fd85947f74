"""Both ways between this package and lm-evaluation-harness (`pip install 'parallelbench[lm-eval]'`).

`model` is a model of the harness whose texts come from our engine, `evaluate` runs the harness with it, and `tasks` holds our
tasks in the harness's YAML form.
"""
