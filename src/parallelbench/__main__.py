"""`python -m parallelbench` is the command `parallelbench`."""

from parallelbench.cli import main

if __name__ == "__main__":
    main()
