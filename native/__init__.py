"""How the modules of the hot path become native code, in this tree and in a wheel."""
