"""What a command says to the shell."""

USER_MISTAKE = 2
INTERRUPTED = 130
