"""Whether live traffic still looks like what a model was trained on; pure, and imports nothing that trains."""
