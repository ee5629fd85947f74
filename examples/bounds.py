"""What theory says about a task before anything is decoded.

    python examples/bounds.py

Shuffling n items has n! right answers (or n! - 1), and every item excludes every other. The total correlation is what
independent draws in one forward ignore, in bits; spread over several forwards less is ignored.
"""

import parallelbench.theory as theory

for n in (4, 6, 8):
    law = theory.law("shuffle", n)
    best = theory.optimum(law)
    bits = [round(float(bound), 2) for bound in best.bounds]
    print(f"n = {n}: bits ignored by the best schedule of 1, 2, ... {n} forwards: {bits}")
