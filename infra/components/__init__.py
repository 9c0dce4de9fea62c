"""One ComponentResource per module; each takes one typed `Args` and registers what others may use."""
