"""How good a model is, measured so that it cannot flatter: grouped splits, intervals on figures, a trivial baseline."""
