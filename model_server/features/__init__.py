"""From SMILES text to typed numeric columns; imported by training and by the server alike."""
