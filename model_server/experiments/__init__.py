"""Results of the laboratory: typed rows, what a model can be asked about them, and the store that keeps them."""
